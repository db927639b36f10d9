/* summary.h - prints a model as Keras' model.summary() does. */
#ifndef SUMMARY_H
#define SUMMARY_H

#include <stddef.h>
#include <stdio.h>

typedef struct summary_row {
    const char *layer; /* "lstm (LSTM)" */
    const char *shape; /* "(None, 32)" */
    size_t parameters;
} summary_row;

/* Writes 12153 as "12,153"; 32 characters hold every size_t. */
static inline const char *summary_count(size_t count, char text[32])
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%lu", (unsigned long)count);
    char *end = text;

    for (int k = 0; k < length; k++) {
        if (k > 0 && (length - k) % 3 == 0) {
            *end++ = ',';
        }
        *end++ = digits[k];
    }
    *end = '\0';
    return text;
}

/* " Total params: 12,153 (47.47 KB)": 4 bytes a parameter, units in steps of 1024. */
static inline void summary_total(const char *name, size_t parameters)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    double bytes = 4.0 * (double)parameters;
    char text[32];
    int unit = 0;

    while (bytes >= 1024.0 && unit < 4) {
        bytes /= 1024.0;
        unit++;
    }
    printf(" %s params: %s (%.2f %s)\n", name, summary_count(parameters, text), bytes,
           units[unit]);
}

static inline void summary_rule(char line)
{
    static const int widths[] = {33, 24, 15};

    for (int column = 0; column < 3; column++) {
        putchar('+');
        for (int k = 0; k < widths[column]; k++) {
            putchar(line);
        }
    }
    printf("+\n");
}

static inline void summary_print(const char *model, const summary_row *rows, size_t count)
{
    size_t total = 0;
    char text[32];

    printf("Model: \"%s\"\n", model);
    summary_rule('-');
    printf("| %-31s | %-22s | %13s |\n", "Layer (type)", "Output Shape", "Param #");
    summary_rule('=');
    for (size_t k = 0; k < count; k++) {
        printf("| %-31s | %-22s | %13s |\n", rows[k].layer, rows[k].shape,
               summary_count(rows[k].parameters, text));
        summary_rule('-');
        total += rows[k].parameters;
    }
    summary_total("Total", total);
    summary_total("Trainable", total);
    summary_total("Non-trainable", 0);
}

#endif
