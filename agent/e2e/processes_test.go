package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// pidsBelow are the processes whose working directory is a directory or lies below it.
func pidsBelow(dir string) []int {
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cwd, err := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if err == nil && (cwd == dir || strings.HasPrefix(cwd, dir+"/")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// killApply ends the runner of an apply, its terraform and what that started, all at once.
func killApply(t *testing.T, runDir string) {
	t.Helper()
	if killBelow(runDir) == 0 {
		t.Fatal("no process of the apply was found")
	}
}

// killProgram ends those processes of an apply whose command line has a word.
func killProgram(t *testing.T, runDir, word string) {
	t.Helper()
	n := 0
	for _, pid := range pidsBelow(runDir) {
		line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
		if err != nil || !strings.Contains(strings.ReplaceAll(string(line), "\x00", " "), word) {
			continue
		}
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	if n == 0 {
		t.Fatalf("no process of the apply has %q in its command line", word)
	}
}
