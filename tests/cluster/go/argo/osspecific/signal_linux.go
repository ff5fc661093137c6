// What Argo's package osspecific needs on Linux: the module, as it is served, lacks this file. It is copied beside the
// others before argoexec is built.
package osspecific

import (
	"errors"
	"os"
	"syscall"

	argoerrors "github.com/argoproj/argo-workflows/v4/util/errors"
)

// Term asks a process to end.
var Term = syscall.SIGTERM

// CanIgnoreSignal tells whether a signal is of the runtime's own making and need not reach the command.
func CanIgnoreSignal(s os.Signal) bool {
	return s == syscall.SIGCHLD || s == syscall.SIGURG
}

// Kill signals the group of a process, or the process alone where it has no group.
func Kill(pid int, s syscall.Signal) error {
	if group, err := syscall.Getpgid(pid); err == nil {
		pid = -group
	}
	return syscall.Kill(pid, s)
}

// Setpgid starts the command in a group of its own.
func Setpgid(attributes *syscall.SysProcAttr) {
	attributes.Setpgid = true
}

// Wait reaps whatever ends, orphans among them, until the command itself has ended; its error has the exit code.
func Wait(process *os.Process) error {
	pid := process.Pid
	if err := process.Release(); err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return err
		case ended == pid && status.Exited():
			return argoerrors.NewExitErr(status.ExitStatus())
		case ended == pid && status.Signaled():
			return argoerrors.NewExitErr(128 + int(status.Signal()))
		}
	}
}
