/* Holds the place of a pod: sleeps until it is told to end, and reaps what it inherits. */
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

int main(void)
{
	sigset_t signals;
	int got;

	/* The first process of a namespace gets no signal that it does not handle, but one that it blocks. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
		return 1;
	for (;;) {
		if (sigwait(&signals, &got) != 0)
			return 1;
		if (got != SIGCHLD)
			return 0;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
