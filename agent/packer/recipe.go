package packer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"sallyport/agent/asuser"
)

// The files of a build, beside each other: in the directory of a plan, and in the runner's private copy.
const (
	RecipeFile = "build.json"
	varsFile   = "vars.json" // secrets in clear
	sourceDir  = "src"
	tempDir    = "tmp"
	// ManifestFile is where the manifest post-processor writes unless its output says otherwise, in the template's directory.
	ManifestFile = "packer-manifest.json"
)

// A Recipe is exactly what a build builds. Fields are only ever added.
type Recipe struct {
	Image        string   `json:"image"`
	Dir          string   `json:"dir"`       // slash-separated, relative to the repository's root
	Template     string   `json:"template"`  // relative to Dir; "." is all of its *.pkr.hcl
	VarFiles     []string `json:"var_files"` // relative to Dir
	Vars         string   `json:"vars,omitempty"`
	Binary       string   `json:"binary"`
	BinaryDigest string   `json:"binary_digest"`
	Files        []File   `json:"files"`
}

// A File is one file or symlink of a recipe.
type File struct {
	Path       string `json:"path"` // relative to the repository's root
	Digest     string `json:"digest,omitempty"`
	Executable bool   `json:"executable,omitempty"`
	Link       string `json:"link,omitempty"` // a symlink's target
}

// collect lists the files of a checkout that belong to the image. A manifest that somebody committed is left out: Packer
// would add to it, and what it says is of other builds.
func (r *Recipe) collect(source string, belongs func(path string) bool) error {
	manifest := path.Join(r.Dir, ManifestFile)
	err := filepath.WalkDir(source, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(source, at)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if rel == manifest || !belongs(rel) {
			return nil
		}
		f := File{Path: rel}
		if e.Type()&fs.ModeSymlink != 0 {
			f.Link, err = os.Readlink(at)
			r.Files = append(r.Files, f)
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		f.Executable = info.Mode()&0o100 != 0
		f.Digest, err = copyFile(at, "", 0)
		r.Files = append(r.Files, f)
		return err
	})
	if err != nil {
		return fmt.Errorf("listing the files of the image: %w", err)
	}
	sort.Slice(r.Files, func(i, j int) bool { return r.Files[i].Path < r.Files[j].Path })
	return nil
}

// write makes the recipe a durable file and returns its digest.
func (r *Recipe) write(dir string) (string, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("writing the recipe: %w", err)
	}
	if err := writePrivate(filepath.Join(dir, RecipeFile), text); err != nil {
		return "", fmt.Errorf("writing the recipe: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// ReadRecipe reads a recipe.
func ReadRecipe(file string) (*Recipe, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the recipe: %w", err)
	}
	var r Recipe
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("reading the recipe: %w", err)
	}
	return &r, nil
}

// A Call is how Packer is executed.
type Call struct {
	Dir  string   // working directory
	Args []string // without the verb
}

// Prepare makes a copy of what a recipe names, and of nothing else, in an existing directory, and says how Packer is called
// there. source is the checkout, plan the directory with the variables. Whatever is not as the recipe says is an error.
func (r *Recipe) Prepare(source, plan, to string) (Call, error) {
	root := filepath.Join(to, sourceDir)
	for _, f := range r.Files {
		if err := f.place(source, root); err != nil {
			return Call{}, fmt.Errorf("copying what is built: %w", err)
		}
	}
	// After the files: the image's directory can be one of the symlinks among them.
	if err := os.MkdirAll(filepath.Join(root, filepath.FromSlash(r.Dir)), 0o700); err != nil {
		return Call{}, fmt.Errorf("making a directory to build in: %w", err)
	}
	call := Call{Dir: filepath.Join(root, filepath.FromSlash(r.Dir))}
	for _, file := range r.VarFiles {
		call.Args = append(call.Args, "-var-file="+file)
	}
	if r.Vars != "" {
		vars := filepath.Join(to, varsFile)
		have, err := copyFile(filepath.Join(plan, varsFile), vars, 0o600)
		if err != nil {
			return Call{}, fmt.Errorf("copying the variables: %w", err)
		}
		if have != r.Vars {
			return Call{}, fmt.Errorf("the variables are not what they were when the build was planned: their SHA-256 is %s, not %s", have, r.Vars)
		}
		call.Args = append(call.Args, "-var-file="+vars) // the last one wins
	}
	call.Args = append(call.Args, r.Template)
	return call, nil
}

// Hand lets another user work in a directory that [Recipe.Prepare] has filled: the copy is its own, the variables it may read.
func Hand(user *asuser.User, dir string) error {
	temp := filepath.Join(dir, tempDir)
	if err := os.Mkdir(temp, 0o700); err != nil {
		return fmt.Errorf("making a directory for temporary files: %w", err)
	}
	if user == nil {
		return nil
	}
	vars := filepath.Join(dir, varsFile)
	if err := user.Share(vars); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(user.Enter(dir), user.Own(temp), user.Own(filepath.Join(dir, sourceDir)))
}

// Manifest is where the manifest of a build lies that was prepared in a directory.
func (r *Recipe) Manifest(to string) string {
	return filepath.Join(to, sourceDir, filepath.FromSlash(r.Dir), ManifestFile)
}

// place copies one file. A symlink may not lead out of the copy.
func (f File) place(source, root string) error {
	if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
		return fmt.Errorf("%s is outside of the repository", f.Path)
	}
	to := filepath.Join(root, filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if f.Link != "" {
		at := path.Join(path.Dir(f.Path), f.Link)
		if path.IsAbs(f.Link) || at == ".." || strings.HasPrefix(at, "../") {
			return fmt.Errorf("the symlink %s leads out of the repository", f.Path)
		}
		return os.Symlink(f.Link, to)
	}
	mode := fs.FileMode(0o600)
	if f.Executable {
		mode = 0o700
	}
	have, err := copyFile(filepath.Join(source, filepath.FromSlash(f.Path)), to, mode)
	if err != nil {
		return err
	}
	if have != f.Digest {
		return fmt.Errorf("%s is not what it was when the build was planned: its SHA-256 is %s, not %s", f.Path, have, f.Digest)
	}
	return nil
}

// copyFile copies a regular file, which must not be reached by a link, into a new one, and returns the digest of the bytes
// copied. Without a place to copy to it only returns the digest.
func copyFile(from, to string, mode fs.FileMode) (string, error) {
	in, err := os.OpenFile(from, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = in.Close() }() // read only
	if fi, err := in.Stat(); err != nil || !fi.Mode().IsRegular() {
		return "", errors.Join(fmt.Errorf("%s is not a regular file", from), err)
	}
	h := sha256.New()
	if to == "" {
		_, err = io.Copy(h, in)
		return hex.EncodeToString(h.Sum(nil)), err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.MultiWriter(out, h), in)
	if err := errors.Join(err, out.Close()); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
