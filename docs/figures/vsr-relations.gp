# VSR by relation.  Edit it and run: gnuplot vsr-relations.gp
set encoding utf8
set datafile separator ','
set datafile missing ''
set border 3 lw 0.6
set tics nomirror scale 0.6 font ',7'
set grid lt 1 dt '.' lw 0.4 lc rgb '#bbbbbb'
set xlabel offset 0,0.4
set key below left vertical maxcols 1 reverse Left samplen 2.5 spacing 1.05 font ',7' title ' '
set terminal svg noenhanced size 321,416 font 'Helvetica,8' fontscale 1.333 lw 1.3 background '#ffffff'
set output 'vsr-relations.svg'
set xlabel 'accuracy and 95 % interval, %'
set xrange [0:100]
set yrange [16.6:-0.6]
set ytics font ',6.5'
set lmargin at screen 0.45
set ytics ('above (24)' 0, 'at the left side of (24)' 1, 'at the right side of (24)' 2, 'away from (24)' 3, 'behind (24)' 4, 'below (24)' 5, 'close to (24)' 6, 'contains (24)' 7, 'far from (24)' 8, 'in front of (24)' 9, 'inside (24)' 10, 'left of (24)' 11, 'near (24)' 12, 'right of (24)' 13, 'surrounding (24)' 14, 'touching (24)' 15, 'under (24)' 16)
set arrow 1 from 50,graph 0 to 50,graph 1 nohead dt '-' lw 0.6 lc rgb '#888888'
plot 'vsr-relations.csv' using ($1==0?$6:NaN):($4+-0.20):7:8 every ::1 with xerrorbars pt 7 ps 0.8 lw 1 lc rgb '#000000' title 'mini-cobra', \
     'vsr-relations.csv' using ($1==1?$6:NaN):($4+0.00):7:8 every ::1 with xerrorbars pt 4 ps 0.8 lw 1 lc rgb '#0072b2' title 'mini-ml-mamba', \
     'vsr-relations.csv' using ($1==2?$6:NaN):($4+0.20):7:8 every ::1 with xerrorbars pt 8 ps 0.8 lw 1 lc rgb '#d55e00' title 'mini-llama'

set terminal pdfcairo noenhanced size 8.5cm,11.0cm font 'Helvetica,8' fontscale 0.75 lw 1
set output 'vsr-relations.pdf'
replot
set output
