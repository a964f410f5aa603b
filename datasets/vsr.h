/* datasets/vsr.h - how VSR's folders are laid out. */
#ifndef MAMBENCH_DATASETS_VSR_H
#define MAMBENCH_DATASETS_VSR_H

/* "zeroshot/test.jsonl", the file of a variant below its folder; the pictures lie in images/. */
const char *vsr_file_of(const char *variant);

#endif
