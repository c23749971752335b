// Package alone says whether Packer may look at the image of a pull request before anybody else has. To validate a template is to
// run plugins on it: those that it asks for, with a configuration that it gives them, and some of them run further programs by then.
// So whoever can open a pull request could have the agent run a program of theirs.
//
// It reads the template of two commits and compares what Packer would fetch and run:
//
//   - the plugins that it requires, and those that lie in its directory, where old Packers look for them;
//   - the kinds of builders, provisioners and post-processors;
//   - what names a program, or a file with credentials, in the configuration of any of these;
//   - data sources, and what is known to run programs while a template is validated.
//
// Scripts and variables may change: they are run by a build only, which is approved. What cannot be read is a reason to wait.
package alone

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/packer"
)

// Alone says why a change of an image may not be validated by itself, before somebody has looked at it; empty if it may. dir is that
// of the image, template the template's place in it.
func Alone(before, now packer.Files, dir, template string) string {
	has, had := read(now, dir, template), read(before, dir, template)
	switch {
	case len(has.runs) > 0:
		return "Packer runs programs while it validates it, or nobody can tell: " + has.runs[0]
	case had.missing:
		return "the whole image is new"
	case has.plugins != had.plugins:
		return "it changes which plugins Packer fetches and runs"
	}
	for _, kind := range has.kinds {
		if !slices.Contains(had.kinds, kind) {
			return "it brings in the " + kind
		}
	}
	for _, p := range has.programs {
		if !slices.Contains(had.programs, p) {
			return "it changes what names a program: " + p.name
		}
	}
	return ""
}

// loads are what a template makes Packer load and run while it is only validated.
type loads struct {
	missing  bool      // there is no template
	plugins  string    // the text of what says which plugins are needed
	kinds    []string  // "provisioner shell"
	programs []program // what names one
	runs     []string  // what runs programs in any case, and what nobody can tell of
}

// program is an argument that names a program, or a file with credentials.
type program struct{ name, value string }

// pluginNames is how the files are called that an old Packer takes for plugins, in the directory where it works.
var pluginNames = []string{"packer-builder-", "packer-provisioner-", "packer-post-processor-", "packer-datasource-", "packer-plugin-"}

// running are kinds that run a program to learn its version when they are only validated. What it does there can depend on any file
// beside the template.
var running = []string{"provisioner ansible", "provisioner inspec"}

// names reports whether an argument names a program or a file with credentials. What boot_command, shutdown_command, execute_command
// and their like name is run in the machine that is built.
func names(argument string) bool {
	return argument == "command" || slices.ContainsFunc([]string{"binary", "executable", "program", "credential", "plugin"}, func(part string) bool {
		return strings.Contains(argument, part)
	})
}

// local are Packer's own, which run what they are given when something is built, and never before.
var local = []string{"provisioner shell-local", "post-processor shell-local"}

func read(files packer.Files, dir, template string) loads {
	var l loads
	entries, err := files.ReadDir(dir)
	if err != nil {
		return loads{missing: true}
	}
	for _, e := range entries {
		for _, begin := range pluginNames {
			if strings.HasPrefix(e.Name(), begin) {
				l.runs = append(l.runs, "the plugin "+e.Name()+" in its directory")
			}
		}
	}
	texts := packer.TemplateFiles(files, dir, template)
	for _, name := range texts {
		src, err := files.ReadFile(name)
		switch {
		case err != nil && len(texts) == 1:
			return loads{missing: true, runs: l.runs}
		case err != nil:
			l.cannotTell(name)
		case !packer.IsHCL(name):
			l.readOld(src, name)
		default:
			l.readHCL(src, name)
		}
	}
	return l
}

func (l *loads) cannotTell(name string) {
	l.runs = append(l.runs, "what is in "+name)
}

// uses notes a builder, provisioner, post-processor or data source.
func (l *loads) uses(role, kind string) {
	what := role + " " + kind
	if slices.Contains(running, what) || role == "data source" {
		l.runs = append(l.runs, "its "+what)
	}
	if !slices.Contains(l.kinds, what) {
		l.kinds = append(l.kinds, what)
	}
}

// argument notes one of these things' arguments, if it names a program. One that is no constant can be anything.
func (l *loads) argument(of, name, value string, constant bool) {
	if !names(name) || slices.Contains(local, of) {
		return
	}
	if !constant || strings.Contains(value, "{{") {
		l.runs = append(l.runs, fmt.Sprintf("the %s of its %s, which is no constant", name, of))
		return
	}
	l.programs = append(l.programs, program{name + " of its " + of, value})
}
