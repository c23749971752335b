package stack

import "github.com/hashicorp/hcl/v2"

// Configuration is what a tool reads of a root module and of the local modules that it calls, at one commit.
type Configuration struct {
	Root    string   // where the root module really lies, relative to the repository's root
	Modules []Module // those that are read, the root module first
	Remote  []string // sources of modules that are not in the repository, with their versions
	Strange []string // what is wrong with calls of modules, for people who are to look at them
}

// Module is one directory, with its files in the order in which they are read.
type Module struct {
	Dir   string // relative to the repository's root
	Files []Source
}

// Source is a file of configuration.
type Source struct {
	Name     string // relative to the repository's root
	Text     []byte
	Body     hcl.Body // nil: it cannot be parsed at all
	Whole    bool     // all of it was parsed
	Wrong    error    // it could not be read
	Override bool     // it changes what others say
}

// Read reads a root module with what it calls. The errors are those of [Footprint].
func Read(t Tree, d Definition) (Configuration, error) {
	f, err := find(t, d)
	if err != nil {
		return Configuration{}, err
	}
	out := Configuration{Root: f.root, Remote: f.remote, Strange: f.strange}
	for _, m := range f.order {
		module := Module{Dir: m.dir}
		for _, s := range m.files {
			module.Files = append(module.Files, Source{Name: s.name, Text: s.src, Body: s.body, Whole: s.whole, Wrong: s.wrong, Override: s.override})
		}
		out.Modules = append(out.Modules, module)
	}
	return out, nil
}
