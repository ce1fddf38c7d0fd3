/* replay.c - a fuzz target without a fuzzer: runs the files, and those of the folders,
 * that its arguments name, or else the committed ones. SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

static unsigned files;

static void replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    static uint8_t bytes[1 << 20];
    if (f == NULL) {
        perror(path);
        exit(2);
    }
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    /* The target's own memory, so that a sanitizer sees a byte too far. */
    uint8_t *copy = malloc(n ? n : 1);
    if (copy == NULL)
        exit(2);
    for (size_t i = 0; i < n; i++)
        copy[i] = bytes[i];
    fprintf(stderr, "%s\n", path); /* the last line before a crash says which */
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    files++;
}

static void replay(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    struct dirent **names = NULL;
    int n = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char file[4096];
        if (names[i]->d_name[0] != '.') {
            snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
            replay_file(file);
        }
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (argc == 1)
        replay(CORPUS);
    printf("%u inputs\n", files);
    return files == 0; /* nothing tried proves nothing */
}
