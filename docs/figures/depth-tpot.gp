# Time per token against context length.  Edit it and run: gnuplot depth-tpot.gp
set encoding utf8
set datafile separator ','
set datafile missing ''
set border 3 lw 0.6
set tics nomirror scale 0.6 font ',7'
set grid lt 1 dt '.' lw 0.4 lc rgb '#bbbbbb'
set xlabel offset 0,0.4
set key below left vertical maxcols 1 reverse Left samplen 2.5 spacing 1.05 font ',7' title ' '
set terminal svg noenhanced size 321,265 font 'Helvetica,8' fontscale 1.333 lw 1.3 background '#ffffff'
set output 'depth-tpot.svg'
set logscale x 2
set logscale y
set format x '%.0f'
set xlabel 'positions read before'
set ylabel 'time per token, ms'
set xtics (128, 256, 512, 1024, 2048, 4096)
plot 'depth-tpot.csv' using ($1==0?$5:NaN):6 every ::1 with linespoints dt solid lw 1.2 lc rgb '#000000' pt 7 ps 0.6 title 'cobra+mini', \
     'depth-tpot.csv' using ($1==1?$5:NaN):6 every ::1 with linespoints dt '-' lw 1.2 lc rgb '#0072b2' pt 4 ps 0.6 title 'mlmamba+mini', \
     'depth-tpot.csv' using ($1==2?$5:NaN):6 every ::1 with linespoints dt '.' lw 1.2 lc rgb '#d55e00' pt 8 ps 0.6 title 'llama+mini'

set terminal pdfcairo noenhanced size 8.5cm,7.0cm font 'Helvetica,8' fontscale 0.75 lw 1
set output 'depth-tpot.pdf'
replot
set output
