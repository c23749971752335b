package transport

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
)

// source is git's own directory of a repository that can be mirrored.
func (l *localRemote) source() (string, error) {
	dir, err := l.sourceDir()
	if err != nil {
		return "", err
	}
	return dir, mirrorable(dir)
}

// sourceDir finds git's own directory.
func (l *localRemote) sourceDir() (string, error) {
	for _, dir := range []string{filepath.Join(l.dir, ".git"), l.dir} {
		if _, err := os.Stat(filepath.Join(dir, "HEAD")); err == nil {
			return dir, nil
		}
	}
	text, err := os.ReadFile(filepath.Join(l.dir, ".git"))
	if dir, is := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: "); err == nil && is {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(l.dir, dir)
		}
		if _, err := os.Stat(filepath.Join(dir, "HEAD")); err == nil {
			return dir, nil
		}
	}
	if _, err := os.Stat(l.dir); errors.Is(err, os.ErrPermission) {
		return "", fmt.Errorf("opening repository: %w", err)
	}
	return "", ErrNotFound
}

// mirrorable refuses the kinds of repositories that do not hold what they name, or that go-git cannot read. A mirror of one would
// look damaged for ever.
func mirrorable(dir string) error {
	if common, err := os.ReadFile(filepath.Join(dir, "commondir")); err == nil {
		main := strings.TrimSpace(string(common))
		if !filepath.IsAbs(main) {
			main = filepath.Join(dir, main)
		}
		return hint.With(fmt.Errorf("%w: it is a linked worktree", odb.ErrUnreadable), "set url to the repository that it belongs to: %s", strings.TrimSuffix(main, "/.git"))
	}
	if text, err := os.ReadFile(filepath.Join(dir, "shallow")); err == nil && len(text) > 0 {
		return hint.With(fmt.Errorf("%w: it is a shallow clone, whose history is cut off", odb.ErrUnreadable), "run git fetch --unshallow in it, or set url to the repository that it was cloned from")
	}
	if text, err := os.ReadFile(filepath.Join(dir, "objects", "info", "alternates")); err == nil && strings.TrimSpace(string(text)) != "" {
		return hint.With(fmt.Errorf("%w: it borrows objects from another repository (objects/info/alternates)", odb.ErrUnreadable),
			"make it whole with git repack -a -d && rm %s", filepath.Join(dir, "objects", "info", "alternates"))
	}
	return supported(filepath.Join(dir, "config"))
}

// supported looks for the extensions of a repository's format. They are read without go-git, which refuses some of them with an
// error that names none.
func supported(config string) error {
	f, err := os.Open(config)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the repository's configuration: %w", err)
	}
	defer f.Close()
	section := ""
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.ToLower(strings.TrimSpace(lines.Text()))
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[] \t")
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		if section != "extensions" {
			continue
		}
		switch key, value = strings.TrimSpace(key), strings.TrimSpace(value); {
		case key == "objectformat" && value != "sha1":
			return errSHA256
		case key == "refstorage" && value != "files":
			return hint.With(fmt.Errorf("%w: it keeps its references as a %s", odb.ErrUnreadable, value), "run git refs migrate --ref-format=files in it")
		case key == "partialclone":
			return hint.With(fmt.Errorf("%w: it is a partial clone, which lacks objects until they are asked for", odb.ErrUnreadable), "clone it anew without --filter, or set url to the repository that it was cloned from")
		}
	}
	return lines.Err()
}

// errSHA256 is said of a repository wherever it shows what it is.
var errSHA256 = hint.With(fmt.Errorf("%w: it names its objects by SHA-256", odb.ErrUnreadable), "only repositories with SHA-1 names can be mirrored: git init --object-format=sha1 makes one")
