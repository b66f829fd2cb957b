/* Stub of a program: writes its name and arguments to /calls and succeeds. cat and echo do what scripts take from them. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **words) {
    char line[1 << 16], block[4096];
    const char *slash = strrchr(words[0], '/'), *name = slash ? slash + 1 : words[0];
    int used = snprintf(line, 4096, "%s", name), number;
    for (number = 1; number < count && used < 60000; number++)
        used += snprintf(line + used, 2004, " [%.2000s]", words[number]);
    line[used++] = '\n';
    write(open("/calls", O_WRONLY | O_APPEND | O_CREAT, 0666), line, used);
    if (!strcmp(name, "cat") && count == 1)
        while ((used = read(0, block, sizeof block)) > 0) write(1, block, used);
    if (!strcmp(name, "echo"))
        for (number = 1; number < count; number++) printf("%s%s", words[number], number + 1 < count ? " " : "\n");
    return 0;
}
