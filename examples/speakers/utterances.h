/* utterances.h - reads the text files of the speakers example, one utterance at a time.
 *
 * vowels_test.txt: lines that begin with # are comments. An utterance is a line such as
 *     utterance 1 speaker 1 frames 19
 * followed by so many lines of 12 numbers. Utterances are counted from 1, speakers are 1
 * to 9.
 *
 * A reader takes any FILE, needs no heap, and trusts nothing: what it cannot take it
 * refuses with the line and the reason in `error`, as in
 *     vowels_test.txt:9: found 11 numbers, wanted 12
 * A reader that has refused something is of no further use. */
#ifndef UTTERANCES_H
#define UTTERANCES_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    UTTERANCE_FEATURES = 12,   /* linear prediction cepstrum coefficients of a frame */
    UTTERANCE_MAX_FRAMES = 29, /* the longest utterance of the set */
    UTTERANCE_SPEAKERS = 9,
    UTTERANCE_MAX_LINE = 255 /* characters; what is longer is refused */
};

typedef struct utterance {
    size_t number;  /* 1, 2, 3, ... */
    size_t speaker; /* 1..UTTERANCE_SPEAKERS */
    size_t frames;  /* 1..UTTERANCE_MAX_FRAMES */
    float x[UTTERANCE_MAX_FRAMES][UTTERANCE_FEATURES];
} utterance;

typedef struct utterance_reader {
    FILE *file;
    const char *name;   /* for messages */
    unsigned long line; /* the number of the line last read */
    size_t utterances;  /* read so far */
    char text[UTTERANCE_MAX_LINE + 1];
    char error[512]; /* "" until something is refused */
} utterance_reader;

typedef enum utterance_status {
    UTTERANCE_REFUSED = -1, /* see the reader's `error` */
    UTTERANCE_END = 0,      /* the file is over */
    UTTERANCE_READ = 1
} utterance_status;

static inline void utterance_reader_init(utterance_reader *reader, FILE *file,
                                         const char *name)
{
    memset(reader, 0, sizeof *reader);
    reader->file = file;
    reader->name = name;
}

/* Puts "name:line: reason" into `error`. */
static inline utterance_status utterance_refuse(utterance_reader *reader,
                                                const char *reason)
{
    snprintf(reader->error, sizeof reader->error, "%.200s:%lu: %s", reader->name,
             reader->line, reason);
    return UTTERANCE_REFUSED;
}

/* Reads one line into `text`, without its end (LF or CR LF). */
static inline utterance_status utterance_read_any_line(utterance_reader *reader)
{
    size_t length = 0;
    int character = getc(reader->file);

    if (character == EOF && !ferror(reader->file)) {
        return UTTERANCE_END;
    }
    reader->line++;
    for (; character != EOF && character != '\n'; character = getc(reader->file)) {
        if (length == UTTERANCE_MAX_LINE) {
            return utterance_refuse(reader, "the line is longer than 255 characters");
        }
        if (character == '\0') {
            return utterance_refuse(reader, "the line holds a NUL byte: not a text file");
        }
        reader->text[length++] = (char)character;
    }
    if (ferror(reader->file)) {
        return utterance_refuse(reader, "the file cannot be read");
    }
    if (character == EOF) {
        return utterance_refuse(reader, "the file ends within the line");
    }
    if (length > 0 && reader->text[length - 1] == '\r') {
        length--;
    }
    reader->text[length] = '\0';
    return UTTERANCE_READ;
}

/* The next line that is no comment. */
static inline utterance_status utterance_read_line(utterance_reader *reader)
{
    utterance_status status;
    do {
        status = utterance_read_any_line(reader);
    } while (status == UTTERANCE_READ && reader->text[0] == '#');
    return status;
}

/* Cuts the next word, or "" after the last, out of the text at *cursor. */
static inline const char *utterance_word(char **cursor)
{
    char *word = *cursor + strspn(*cursor, " \t");
    char *end = word + strcspn(word, " \t");

    *cursor = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

/* A number in plain decimal notation; 0 for anything else, nan, inf and 1e9 too. */
static inline int utterance_number(const char *word, float *number)
{
    char *end;

    if (*word == '\0' || word[strspn(word, "0123456789+-.eE")] != '\0') {
        return 0;
    }
    *number = strtof(word, &end);
    return *end == '\0' && *number > -1e6f && *number < 1e6f;
}

/* Takes `count` numbers, neither more nor fewer, from the line last read. */
static inline utterance_status utterance_parse_numbers(utterance_reader *reader,
                                                       float *numbers, size_t count)
{
    char reason[128], *cursor = reader->text;
    const char *word;
    size_t found = 0;

    while (*(word = utterance_word(&cursor)) != '\0') {
        if (found < count && !utterance_number(word, &numbers[found])) {
            snprintf(reason, sizeof reason, "'%.40s' is not a number below a million",
                     word);
            return utterance_refuse(reader, reason);
        }
        found++;
    }
    if (found != count) {
        snprintf(reason, sizeof reason, "found %lu numbers, wanted %lu",
                 (unsigned long)found, (unsigned long)count);
        return utterance_refuse(reader, reason);
    }
    return UTTERANCE_READ;
}

/* Reads a line of `count` numbers. */
static inline utterance_status utterance_read_numbers(utterance_reader *reader,
                                                      float *numbers, size_t count)
{
    const utterance_status status = utterance_read_line(reader);
    return status == UTTERANCE_READ ? utterance_parse_numbers(reader, numbers, count)
                                    : status;
}

/* A whole number of up to six digits; 0 for anything else. */
static inline int utterance_count(const char *word, size_t *count)
{
    const size_t digits = strspn(word, "0123456789");

    if (digits == 0 || digits > 6 || word[digits] != '\0') {
        return 0;
    }
    *count = (size_t)strtoul(word, NULL, 10);
    return 1;
}

/* `name` and a count, as in "frames 19". */
static inline int utterance_field(char **cursor, const char *name, size_t *count)
{
    return strcmp(utterance_word(cursor), name) == 0 &&
           utterance_count(utterance_word(cursor), count);
}

/* Takes "utterance 1 speaker 1 frames 19" from the line last read. */
static inline utterance_status utterance_parse_header(utterance_reader *reader,
                                                      utterance *u)
{
    char reason[128], *cursor = reader->text;

    if (!utterance_field(&cursor, "utterance", &u->number) ||
        !utterance_field(&cursor, "speaker", &u->speaker) ||
        !utterance_field(&cursor, "frames", &u->frames) ||
        *utterance_word(&cursor) != '\0') {
        return utterance_refuse(reader,
                                "wanted a line like 'utterance 1 speaker 1 frames 19'");
    }
    if (u->number != reader->utterances + 1) {
        snprintf(reason, sizeof reason, "found utterance %lu, wanted %lu",
                 (unsigned long)u->number, (unsigned long)reader->utterances + 1);
        return utterance_refuse(reader, reason);
    }
    if (u->speaker < 1 || u->speaker > UTTERANCE_SPEAKERS) {
        snprintf(reason, sizeof reason, "speaker %lu is not one of 1 to %d",
                 (unsigned long)u->speaker, UTTERANCE_SPEAKERS);
        return utterance_refuse(reader, reason);
    }
    if (u->frames < 1 || u->frames > UTTERANCE_MAX_FRAMES) {
        snprintf(reason, sizeof reason, "%lu frames are not 1 to %d",
                 (unsigned long)u->frames, UTTERANCE_MAX_FRAMES);
        return utterance_refuse(reader, reason);
    }
    return UTTERANCE_READ;
}

/* Reads the next utterance. */
static inline utterance_status utterance_read(utterance_reader *reader, utterance *u)
{
    utterance_status status = utterance_read_line(reader);

    if (status == UTTERANCE_READ) {
        status = utterance_parse_header(reader, u);
    }
    for (size_t t = 0; status == UTTERANCE_READ && t < u->frames; t++) {
        status = utterance_read_numbers(reader, u->x[t], UTTERANCE_FEATURES);
        if (status == UTTERANCE_END) {
            char reason[128];
            snprintf(reason, sizeof reason, "the file ends after frame %lu of %lu",
                     (unsigned long)t, (unsigned long)u->frames);
            return utterance_refuse(reader, reason);
        }
    }
    if (status == UTTERANCE_READ) {
        reader->utterances++;
    }
    return status;
}

#endif
