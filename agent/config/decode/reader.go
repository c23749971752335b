// Package decode reads blocks of HCL, one attribute at a time, for whoever knows what they mean.
//
// A [Reader] is one reading of a configuration. It collects every fault with its place instead of stopping at the first, and it
// brings in secrets: the functions env, file and credential mark what they return, the mark survives interpolation, and only
// [Reader.Secret] and its kin take it; everything else would show the value to people, so it is refused. No fault and no warning holds
// the value of a secret.
//
// A decoder takes a block apart by its [Shape] and reads its [Attributes] into a struct:
//
//	a := r.Block(b, shape)
//	r.Duration(a, "timeout", &timeout)
//
// What is absent, or faulty (and is told), leaves in the destination the default that the shape has, else what was there. Each
// method reports whether there was a good value.
//
// Expressions refer to locals everywhere, and to each.key, each.value and dir where a [Scope] has them. Only dir may not be known yet, of a
// glob: what comes of it then counts as absent, and is read with a reader that [Again] makes when it is known.
package decode

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty/function"

	"sallyport/agent/config/trusted"
	"sallyport/notify/redact"
)

// maxConfigSize bounds one configuration file, in bytes, so that a wrong path cannot fill the memory.
const maxConfigSize = 4 << 20

// Options are what a configuration is read with. The zero value is right for the agent.
type Options struct {
	// CredentialsDir is where credential("name") looks; default: $CREDENTIALS_DIRECTORY. The files of a directory that
	// is not systemd's own must have the modes of secret files.
	CredentialsDir string
	// Getenv reads the environment; default os.Getenv.
	Getenv func(string) string
	// MissingCredentialsWarn makes credentials and environment variables that cannot be read here warnings instead of
	// faults: check is run by people who are not the agent.
	MissingCredentialsWarn bool
	// User says what is wrong with a user whom terraform shall run as on this machine; nil: that is not asked.
	User func(name string) error
	// SkipModes leaves out the checks of owners and modes.
	SkipModes bool
}

// Source is one configuration file.
type Source struct {
	Name string // as it is shown in faults
	Data []byte
}

// Reader is one reading of a configuration.
type Reader struct {
	o        Options
	base     string // absolute directory that relative paths start from: that of the configuration
	files    map[string]*hcl.File
	first    string // of their names
	diags    hcl.Diagnostics
	seen     map[string]bool // faults and warnings that were said already: defaults are read once per stack
	warnings []string
	secrets  []redact.Secret
	known    map[string]bool // the values of secrets

	functions map[string]function.Function
	read      map[string]brought // what functions have brought in so far
	sealed    bool               // they bring in nothing else
	locals    locals
	scope     Scope
	fixed     string // why dir may not be referred to here while it is not known; empty: it may
	later     bool   // see [Later]
	elements  map[string]*elements
}

// NewReader makes a reader. Relative paths start from base, which is absolute.
func NewReader(o Options, base string) *Reader {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	l := &Reader{
		o: o, base: base, files: map[string]*hcl.File{}, seen: map[string]bool{}, known: map[string]bool{},
		read: map[string]brought{}, elements: map[string]*elements{},
	}
	l.functions = functions(l)
	return l
}

// ForgetFunctions makes every call of a function a fault: for who may not read what they bring in.
func (l *Reader) ForgetFunctions() { l.functions = nil }

// Again is a reader of the same files that begins without a fault, for what is known only when all has been read: the directories that
// a glob matches. It may be used beside others. Its functions bring in what they have brought in before and nothing else: no file of the
// host is read because a repository has a directory of some name, no secret comes up that nobody was told of, and what was read is that
// of one moment.
func Again(l *Reader) *Reader {
	again := *l
	again.diags, again.warnings, again.seen = nil, nil, map[string]bool{}
	again.secrets, again.known = slices.Clip(l.secrets), maps.Clone(l.known)
	again.locals, again.elements = l.locals.clone(), map[string]*elements{}
	again.scope, again.fixed, again.later, again.sealed = Scope{}, "", false, true
	again.functions = functions(&again)
	return &again
}

// CheckUser says what is wrong with a user of this machine, as far as that is asked.
func CheckUser(l *Reader, name string) error {
	if l.o.User == nil {
		return nil
	}
	return l.o.User(name)
}

// Beginning is where the first of the files begins: the place of what is missing in all of them.
func Beginning(l *Reader) hcl.Range {
	return hcl.Range{Filename: l.first, Start: hcl.InitialPos, End: hcl.InitialPos}
}

// Failed reports whether there are faults.
func (l *Reader) Failed() bool { return l.diags.HasErrors() }

// Secrets are all values that came through a function, and the literals that stand where a secret belongs.
func (l *Reader) Secrets() []redact.Secret { return l.secrets }

// Parse makes one body of all sources and reports whether their syntax is right.
func (l *Reader) Parse(sources []Source) (hcl.Body, bool) {
	files := make([]*hcl.File, 0, len(sources))
	ok := true
	for _, s := range sources {
		f, diags := hclsyntax.ParseConfig(s.Data, s.Name, hcl.InitialPos)
		if f == nil {
			f = &hcl.File{Bytes: s.Data, Body: hcl.EmptyBody()}
		}
		l.Add(diags)
		ok = ok && !diags.HasErrors()
		if l.files[s.Name] = f; l.first == "" {
			l.first = s.Name
		}
		files = append(files, f)
	}
	return hcl.MergeFiles(files), ok
}

// ReadSources reads the file, or the *.hcl files of the directory, at path; base is the directory they are in.
func ReadSources(path string) (sources []Source, base string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", fmt.Errorf("reading configuration: %w", err)
	}
	names := []string{path}
	dir := filepath.Dir(path)
	if info.IsDir() {
		dir = path
		if names, err = hclFiles(path); err != nil {
			return nil, "", fmt.Errorf("reading configuration: %w", err)
		}
	}
	if base, err = filepath.Abs(dir); err != nil {
		return nil, "", fmt.Errorf("reading configuration: %w", err)
	}
	for _, name := range names {
		data, err := trusted.Read(name, maxConfigSize, nil)
		if err != nil {
			return nil, "", fmt.Errorf("reading configuration: %w", err)
		}
		sources = append(sources, Source{Name: name, Data: data})
	}
	return sources, base, nil
}

// hclFiles lists the *.hcl files of a directory in the order of names, without hidden ones: editors keep their
// half-written copies there.
func hclFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || filepath.Ext(e.Name()) != ".hcl" {
			continue
		}
		names = append(names, filepath.Join(dir, e.Name()))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("directory %s holds no *.hcl file", dir)
	}
	return names, nil
}

// abs resolves a path of the configuration; relative ones start at the configuration's own directory, because the
// agent's working directory is not the one of the person who runs check.
func (l *Reader) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(l.base, path)
}
