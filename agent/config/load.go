package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"sallyport/notify/redact"
)

// maxConfigSize bounds one configuration file, in bytes, so that a wrong path cannot fill the memory.
const maxConfigSize = 4 << 20

// LoadOptions are what a configuration is read with. The zero value is right for the agent.
type LoadOptions struct {
	// CredentialsDir is where credential("name") looks; default: $CREDENTIALS_DIRECTORY. The files of a directory that
	// is not systemd's own must have the modes of secret files.
	CredentialsDir string
	// Getenv reads the environment; default os.Getenv.
	Getenv func(string) string
	// MissingCredentialsWarn makes credentials and environment variables that cannot be read here warnings instead of
	// faults: check is run by people who are not the agent.
	MissingCredentialsWarn bool
	// SkipModes leaves out the checks of owners and modes.
	SkipModes bool
}

// source is one configuration file.
type source struct {
	name string // as it is shown in faults
	data []byte
}

// loader collects the faults of one Load.
type loader struct {
	o        LoadOptions
	base     string // absolute directory that relative paths start from: that of the configuration
	files    map[string]*hcl.File
	ctx      *hcl.EvalContext
	diags    hcl.Diagnostics
	seen     map[string]bool // faults and warnings that were said already: defaults are read once per stack
	warnings []string
	secrets  []redact.Secret
	known    map[string]bool // the values of secrets
}

func newLoader(o LoadOptions, base string) *loader {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	l := &loader{o: o, base: base, files: map[string]*hcl.File{}, seen: map[string]bool{}, known: map[string]bool{}}
	l.ctx = &hcl.EvalContext{Functions: l.functions()}
	return l
}

// Load reads and checks the configuration at path, a file or a directory of *.hcl files.
//
// What is wrong with the configuration comes back as one [*Faults] that lists everything; any other error means
// that the configuration could not be read at all.
func Load(path string, o LoadOptions) (*Config, error) {
	sources, base, err := readSources(path)
	if err != nil {
		return nil, err
	}
	l := newLoader(o, base)
	l.checkConfigModes(path, sources)
	return l.load(sources)
}

// load turns sources into a configuration. It is apart from Load for the fuzz test.
func (l *loader) load(sources []source) (*Config, error) {
	body, ok := l.parse(sources)
	if !ok {
		// A body with holes would only yield faults that are not there.
		return nil, l.faults()
	}
	cfg := l.config(body)
	if l.diags.HasErrors() {
		return nil, l.faults()
	}
	cfg.Secrets = l.secrets
	cfg.Warnings = l.scrubbedWarnings()
	return cfg, nil
}

// parse makes one body of all sources and reports whether their syntax is right.
func (l *loader) parse(sources []source) (hcl.Body, bool) {
	files := make([]*hcl.File, 0, len(sources))
	ok := true
	for _, s := range sources {
		f, diags := hclsyntax.ParseConfig(s.data, s.name, hcl.InitialPos)
		if f == nil {
			f = &hcl.File{Bytes: s.data, Body: hcl.EmptyBody()}
		}
		l.add(diags)
		ok = ok && !diags.HasErrors()
		l.files[s.name] = f
		files = append(files, f)
	}
	return hcl.MergeFiles(files), ok
}

// readSources reads the file, or the *.hcl files of the directory, at path; base is the directory they are in.
func readSources(path string) (sources []source, base string, err error) {
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
		data, err := readBounded(name, maxConfigSize, nil)
		if err != nil {
			return nil, "", fmt.Errorf("reading configuration: %w", err)
		}
		sources = append(sources, source{name: name, data: data})
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
func (l *loader) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(l.base, path)
}
