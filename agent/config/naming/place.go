package naming

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// CleanDir checks a directory of a repository: relative, slash-separated, inside. It returns it without a trailing slash, or
// the reason why it does not do.
func CleanDir(dir string) (clean, reason string) {
	switch {
	case dir == "":
		return "", `it is empty; the root of the repository is "."`
	case strings.ContainsAny(dir, "\\\x00\n\r"):
		return "", "directories are written with slashes and without control characters"
	case strings.HasPrefix(dir, "/"):
		return "", "it must be relative to the root of the repository"
	}
	clean = path.Clean(dir)
	if escapes(clean) {
		return "", "it leaves the repository"
	}
	if clean != strings.TrimSuffix(dir, "/") {
		return "", fmt.Sprintf("write it as %q", clean)
	}
	if clean == ".git" || strings.HasPrefix(clean, ".git/") {
		return "", "it is git's own directory"
	}
	return clean, ""
}

func escapes(clean string) bool {
	return clean == ".." || strings.HasPrefix(clean, "../")
}

// VarFileFault says what is wrong with a var file, which is relative to the stack's directory and may lie beside it, but not
// outside of the repository. An empty dir leaves the last out.
func VarFileFault(dir, file string) string {
	switch {
	case file == "":
		return "it is empty"
	case strings.ContainsAny(file, "\\\x00\n\r"):
		return "paths are written with slashes and without control characters"
	case strings.HasPrefix(file, "/"):
		return "it must be relative to the stack's dir; files of this machine do not belong to a plan"
	case strings.HasSuffix(file, "/"):
		return "it is a directory"
	case dir != "" && escapes(path.Join(dir, file)):
		return "it leaves the repository"
	}
	return ""
}

// TemplateFault says what is wrong with a template's name.
func TemplateFault(dir, file string) string {
	if reason := VarFileFault(dir, file); reason != "" {
		return reason
	}
	if path.Clean(file) != file || strings.HasPrefix(file, "../") {
		return "it is a file below dir, written without . and .. parts"
	}
	if !strings.HasSuffix(file, ".json") && !strings.HasSuffix(file, ".pkr.hcl") {
		return `it ends in .pkr.hcl, .pkr.json or .json; "." takes all *.pkr.hcl of dir`
	}
	return ""
}

// GlobFault says what is wrong with a glob, which is relative to the repository's root.
func GlobFault(glob string) string {
	switch {
	case glob == "":
		return "it is empty"
	case strings.HasPrefix(glob, "/"):
		return "globs are relative to the root of the repository, so they do not start with a slash"
	case strings.HasSuffix(glob, "/"):
		return fmt.Sprintf("it matches nothing; everything below is %q", glob+"**")
	case strings.ContainsAny(glob, "\x00\n\r"):
		return "it holds control characters"
	}
	for _, part := range strings.Split(glob, "/") {
		if part == "." || part == ".." || part == "" {
			return "globs are relative to the root of the repository and hold no empty, . or .. part"
		}
	}
	if !doublestar.ValidatePattern(glob) {
		return "it is not a valid glob: a bracket or brace is not closed, or a backslash stands at its end"
	}
	return ""
}

// CouldMake reports whether a stacks block of this glob could make a stack of that name: names are directories with
// dashes for what a name cannot hold, so the glob is read in the same way. Where that cannot be told, it could.
func CouldMake(glob, repository, name string) bool {
	if len(name) == MaxStack || strings.ContainsAny(glob, `[\`) {
		return true
	}
	if name == repository && doublestar.MatchUnvalidated(glob, ".") {
		return true
	}
	names := []string{name}
	if rest, ok := strings.CutPrefix(name, "_"); ok {
		names = append(names, "."+rest, "-"+rest)
	}
	// **/ also stands for no directory at all.
	for _, g := range []string{glob, strings.ReplaceAll(glob, "**/", "")} {
		flat := strings.Map(func(r rune) rune {
			if notInName(r) && !strings.ContainsRune("*?{},", r) {
				return '-'
			}
			return r
		}, g)
		for _, n := range names {
			if doublestar.MatchUnvalidated(flat, n) {
				return true
			}
		}
	}
	return false
}

// ValidWorkspace is terraform's own rule (what a URL would not escape), without what would be an option or a way up.
func ValidWorkspace(name string) bool {
	return name != "" && len(name) <= 90 && url.PathEscape(name) == name && name != "." && name != ".." && name[0] != '-'
}

// ValidBranch is git's own rule, as far as it matters for a ref that is asked for.
func ValidBranch(name string) bool {
	for _, part := range strings.Split(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return name != "@" && !strings.ContainsAny(name, " ~^:?*[\\\x7f") && !strings.ContainsFunc(name, func(c rune) bool { return c < ' ' }) &&
		!strings.HasPrefix(name, "-") && !strings.HasSuffix(name, ".") && !strings.Contains(name, "..") && !strings.Contains(name, "@{")
}
