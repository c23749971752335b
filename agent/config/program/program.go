// Package program reads and checks the programs that a configuration names: who could replace one would run what they like as the agent.
package program

import (
	"os"
	"path/filepath"
	"strings"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/trusted"
)

// Binary checks that a binary can be run, and by whom it can be replaced.
func Binary(l *decode.Reader, a decode.Attributes, tool string, path *string) {
	if !filepath.IsAbs(*path) {
		l.Fault(a.At("binary"), "Invalid path", "binary must be an absolute path, not %q; without it %s is looked up in PATH.", *path, tool)
		return
	}
	*path = filepath.Clean(*path)
	info, err := os.Stat(*path)
	switch {
	case err != nil:
		l.Fault(a.At("binary"), "Unusable file", "binary: %s.", trusted.PlainError(err))
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		l.Fault(a.At("binary"), "Unusable file", "binary: %s is not an executable file.", *path)
	default:
		if err := l.CheckTrusted(*path); err != nil {
			l.Fault(a.At("binary"), "Unusable file", "binary: %s.", err)
		}
	}
}

// Check checks the programs that a command runs: its first word, and of the others those that name a program or the script
// for the first. What is looked up in PATH is not known here.
func Check(l *decode.Reader, a decode.Attributes, name string, words []string) {
	for i, word := range words {
		if !filepath.IsAbs(word) {
			continue
		}
		info, err := os.Stat(word)
		if i > 1 && (err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0) {
			continue // data, and nothing that runs
		}
		if i == 1 && (err != nil || !info.Mode().IsRegular()) {
			continue
		}
		if err := l.CheckTrusted(word); err != nil {
			l.Fault(a.Element(name, i), "Unsafe program", "%s: %s.", name, err)
		}
	}
}

// Words reads a command that no shell sees.
func Words(l *decode.Reader, a decode.Attributes, name string, dst *[]string) {
	if !l.Strings(a, name, dst) {
		return
	}
	if len(*dst) == 0 || strings.TrimSpace((*dst)[0]) == "" {
		l.Fault(a.At(name), "No command", `%s must name a program: ["/usr/local/bin/check", "--strict"].`, name)
	}
	Check(l, a, name, *dst)
	for _, word := range *dst {
		if strings.ContainsRune(word, 0) {
			l.Fault(a.At(name), "Invalid value", "%s holds a zero byte.", name)
		}
	}
}
