// Package naming says what repositories, people, stacks, directories and globs may be called, and which name a directory's stack gets.
package naming

import (
	"strings"

	"sallyport/store"
)

// MaxStack bounds the name of a stack, in characters: people read it on a phone and type it in a shell.
const MaxStack = 200

// What names may be, for faults.
const (
	StackRule = "starts with a letter, a digit or an underscore and has at most 200 letters, digits, dots, dashes and underscores"
	PlainRule = "starts with a lower-case letter or a digit and has at most 64 lower-case letters, digits, dots, dashes and underscores"
)

// Valid matches [a-z0-9][a-z0-9._-]{0,63}: what repositories and people are called. The names become those of files and
// words that people type.
func Valid(name string) bool {
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return len(name) >= 1 && len(name) <= 64
}

// ValidStack matches [A-Za-z0-9_][A-Za-z0-9._-]{0,199}: directories are called in more ways than people would choose.
func ValidStack(name string) bool {
	return len(name) >= 1 && len(name) <= MaxStack && name[0] != '.' && name[0] != '-' && strings.IndexFunc(name, notInName) < 0
}

func notInName(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
		return false
	}
	return true
}

// Of is the name of the stack that a directory of a repository becomes: the directory with - for / and for all else
// that a name cannot hold, and _ for a dot or dash in front. The root directory takes the repository's. Of a longer one
// the middle gives way to a digest. Two directories can come to one name; package globs tells them apart.
func Of(repository, dir string) string {
	if dir == "." {
		return repository
	}
	return For(dir)
}

// OfKey is the name of the stack that a directory becomes for one key of a for_each, DIR-KEY; without a key that of the directory.
func OfKey(repository, dir, key string) string {
	switch {
	case key == "":
		return Of(repository, dir)
	case dir == ".":
		dir = repository
	}
	return For(dir + "-" + key)
}

// For makes a name of any text but the empty one.
func For(text string) string {
	name := flattened(text)
	if name[0] == '.' || name[0] == '-' {
		name = "_" + name[1:]
	}
	if len(name) > MaxStack {
		name = strings.ReplaceAll(store.ShortName(name, MaxStack), "+", "-")
	}
	return name
}

func flattened(text string) string {
	return strings.Map(func(r rune) rune {
		if notInName(r) {
			return '-'
		}
		return r
	}, text)
}
