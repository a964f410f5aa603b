# Quality against time.  Edit it and run: gnuplot quality-latency.gp
set encoding utf8
set datafile separator ','
set datafile missing ''
set border 3 lw 0.6
set tics nomirror scale 0.6 font ',7'
set grid lt 1 dt '.' lw 0.4 lc rgb '#bbbbbb'
set xlabel offset 0,0.4
set key below left vertical maxcols 1 reverse Left samplen 2.5 spacing 1.05 font ',7' title ' '
set terminal svg noenhanced size 321,283 font 'Helvetica,8' fontscale 1.333 lw 1.3 background '#ffffff'
set output 'quality-latency.svg'
set xlabel 'time of a question, ms'
set ylabel 'mean score, %'
set xtics font ',6'
set offsets graph 0.08, graph 0.08, graph 0.05, graph 0.05
plot 'quality-latency.csv' using ($1==3?$3:NaN):6 every ::1 with steps dt '_ ' lw 1 lc rgb '#888888' title 'best at its cost (Pareto front)', \
     'quality-latency.csv' using ($1==0?$3:NaN):6:4:5:7:8 every ::1 with xyerrorbars pt 7 ps 0.8 lw 1 lc rgb '#000000' title 'mini-cobra', \
     'quality-latency.csv' using ($1==1?$3:NaN):6:4:5:7:8 every ::1 with xyerrorbars pt 4 ps 0.8 lw 1 lc rgb '#0072b2' title 'mini-llama', \
     'quality-latency.csv' using ($1==2?$3:NaN):6:4:5:7:8 every ::1 with xyerrorbars pt 8 ps 0.8 lw 1 lc rgb '#d55e00' title 'mini-ml-mamba'

set terminal pdfcairo noenhanced size 8.5cm,7.5cm font 'Helvetica,8' fontscale 0.75 lw 1
set output 'quality-latency.pdf'
replot
set output
