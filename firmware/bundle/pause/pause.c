/*
 * Holds the place of a pod: sleeps until it is told to end, and reaps what it inherits.
 * With -v it prints one line and ends: `kubeadm upgrade` runs that as a Job to see that the cluster takes pods.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

int main(int count, char **arguments)
{
	sigset_t signals;
	int got;

	for (int i = 1; i < count; i++) {
		if (strcmp(arguments[i], "-v") == 0) {
			puts("pause of kutties");
			return 0;
		}
	}

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
