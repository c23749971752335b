//go:build !race

package need

import "os"

// Exit ends a process in which the test binary took the program's place: the one that unpacks, a runner, a keeper.
func Exit(code int) { os.Exit(code) }
