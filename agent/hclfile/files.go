package hclfile

import (
	"slices"
	"strings"
)

// Engine is who reads a directory's configuration. The two read files of different names.
type Engine string

// The engines. Where it is not known which of them it will be, all that either of them would read counts.
const (
	Either    Engine = ""
	Terraform Engine = "terraform"
	Tofu      Engine = "tofu"
)

// File is a file of configuration in a directory.
type File struct {
	Name     string
	Override bool // is merged into what the others say, and so read after them
	Tofu     bool // only OpenTofu reads it
}

// Files picks from the names in a directory those that an engine reads as configuration, override files last. Of a .tofu file
// and the .tf file that it stands for, OpenTofu reads the first alone. Editors' leftovers do not count.
func Files(names []string, e Engine) []File {
	var out []File
	for _, name := range names {
		stem, ext := splitName(name, ".tf", ".tofu")
		switch {
		case ext == "", strings.HasPrefix(ext, ".tofu") && e == Terraform, e == Tofu && replaced(names, stem, ext):
			continue
		}
		out = append(out, File{
			Name: name, Override: stem == "override" || strings.HasSuffix(stem, "_override"), Tofu: strings.HasPrefix(ext, ".tofu"),
		})
	}
	slices.SortStableFunc(out, func(a, b File) int {
		switch {
		case a.Override == b.Override:
			return strings.Compare(a.Name, b.Name)
		case a.Override:
			return 1
		}
		return -1
	})
	return out
}

// Tests picks from the names in a directory those that the test command of an engine reads.
func Tests(names []string, e Engine) []string {
	var out []string
	for _, name := range names {
		stem, ext := splitName(name, ".tftest.hcl", ".tftest", ".tofutest.hcl", ".tofutest")
		tofu := strings.HasPrefix(ext, ".tofutest")
		if ext != "" && (strings.Contains(ext, ".hcl") || strings.HasSuffix(ext, ".json")) && !(tofu && e == Terraform) && !(e == Tofu && replaced(names, stem, ext)) {
			out = append(out, name)
		}
	}
	return out
}

// replaced reports whether OpenTofu reads another file in the place of one that terraform would read too.
func replaced(names []string, stem, ext string) bool {
	own, found := strings.CutPrefix(ext, ".tf")
	return found && slices.Contains(names, stem+".tofu"+own)
}

// splitName takes the extension, one of these or of these in JSON, from the name of a file; that of others is empty.
func splitName(name string, extensions ...string) (stem, ext string) {
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") {
		return name, ""
	}
	for _, ext := range extensions {
		for _, ext := range []string{ext, ext + ".json"} {
			if stem, ok := strings.CutSuffix(name, ext); ok {
				return stem, ext
			}
		}
	}
	return name, ""
}
