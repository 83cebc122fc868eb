/* SPDX-License-Identifier: MIT */
/*
 * section.h - which program wrote a file, by its section header
 */
#ifndef PCAPNG_FOLDER_SECTION_H
#define PCAPNG_FOLDER_SECTION_H

#include <stdbool.h>

/*
 * True: the file starts with a complete section header whose shb_userappl names `program`; both are
 * compared up to their first space. NULL or empty: the header has no shb_userappl. Reads at most
 * the first 256 KiB of the file, before or after decompression.
 */
bool section_is_by(int fd, const char *program);

/*
 * Opens a regular file, and nothing else: opening a device can have side effects. A .part is opened
 * for writing, unless it has a second hard link: its content may be another file's. -EINVAL: not ours; or
 * -errno.
 */
int section_open(int folder, const char *file, bool is_part);

#endif /* PCAPNG_FOLDER_SECTION_H */
