# State against cache.  Edit it and run: gnuplot state-bytes.gp
set encoding utf8
set datafile separator ','
set datafile missing ''
set border 3 lw 0.6
set tics nomirror scale 0.6 font ',7'
set grid lt 1 dt '.' lw 0.4 lc rgb '#bbbbbb'
set xlabel offset 0,0.4
set key below left vertical maxcols 1 reverse Left samplen 2.5 spacing 1.05 font ',7' title ' '
set terminal svg noenhanced size 321,283 font 'Helvetica,8' fontscale 1.333 lw 1.3 background '#ffffff'
set output 'state-bytes.svg'
set logscale x 2
set logscale y
set format x '%.0f'
set xtics 16,16
set xlabel 'positions read'
set ylabel 'state and cache, MB'
set label 3 '48' at 48,0.24576 center offset 0,-0.9 front font ',6'
set label 6 '153' at 152.8,0.782336 center offset 0,-0.9 front font ',6'
plot 'state-bytes.csv' using ($1==0?$3:NaN):4 every ::1 with linespoints dt solid lw 1.2 lc rgb '#000000' pt 7 ps 0.6 pi 3 title 'mini-cobra', \
     'state-bytes.csv' using ($1==1?$3:NaN):4 every ::1 with linespoints dt '-' lw 1.2 lc rgb '#0072b2' pt 4 ps 0.6 pi 3 title 'mini-ml-mamba', \
     'state-bytes.csv' using ($1==2?$3:NaN):4 every ::1 with linespoints dt '.' lw 1.2 lc rgb '#d55e00' pt 8 ps 0.6 pi 3 title 'mini-llama', \
     'state-bytes.csv' using ($1==3?$3:NaN):4 every ::1 with points pt 6 ps 1.3 lw 1.2 lc rgb '#000000' title 'more in the cache from here on'

set terminal pdfcairo noenhanced size 8.5cm,7.5cm font 'Helvetica,8' fontscale 0.75 lw 1
set output 'state-bytes.pdf'
replot
set output
