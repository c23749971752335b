package packer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/hclfile"
	"sallyport/notify/words"
)

// PluginPath is the variable of Packer's that names where its plugins are. Nothing else is looked at then.
const PluginPath = "PACKER_PLUGIN_PATH"

// firstWithPlugins is the first Packer that knows required_plugins and has an init.
var firstWithPlugins = version.Must(version.NewVersion("1.7.0"))

// Files are the files of a repository, or of a copy. Paths are slash-separated and relative to its root.
type Files interface {
	ReadFile(path string) ([]byte, error)
	ReadDir(path string) ([]fs.DirEntry, error)
}

// Plugin is one that a template asks for in a required_plugins block.
type Plugin struct {
	Name    string
	Source  string // github.com/hashicorp/amazon; empty if it is no constant
	Version string // the constraint; empty: any
}

// String is how Packer writes it.
func (p Plugin) String() string {
	source := p.Source
	if source == "" {
		source = p.Name
	}
	return strings.TrimSpace(source + " " + p.Version)
}

// Plugins are the plugins that a template asks for, by source. Files that cannot be read or parsed ask for none: Packer says what is
// wrong with them.
func Plugins(files Files, dir, template string) []Plugin {
	if !IsHCL(template) {
		return nil
	}
	var out []Plugin
	for _, name := range TemplateFiles(files, dir, template) {
		src, err := files.ReadFile(name)
		if err != nil {
			continue
		}
		if f, _ := hclfile.Parse(src, name); f != nil && f.Body != nil {
			out = append(out, pluginsIn(f.Body)...)
		}
	}
	slices.SortFunc(out, func(a, b Plugin) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(out)
}

// pluginsIn reads packer { required_plugins { NAME = { source, version } } }.
func pluginsIn(body hcl.Body) (out []Plugin) {
	for _, b := range blocksOf(body, "packer") {
		for _, r := range blocksOf(b, "required_plugins") {
			attributes, _ := r.JustAttributes() // those that are well formed
			for name, a := range attributes {
				p := Plugin{Name: name}
				if v, diags := a.Expr.Value(nil); !diags.HasErrors() {
					p.Source, p.Version = member(v, "source"), member(v, "version")
				}
				out = append(out, p)
			}
		}
	}
	return out
}

// TemplateFiles are the files of a template in HCL.
func TemplateFiles(files Files, dir, template string) []string {
	at := path.Join(dir, template)
	entries, err := files.ReadDir(at)
	if err != nil {
		return []string{at}
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".pkr.hcl") || isHCLJSON(e.Name()) {
			names = append(names, path.Join(at, e.Name()))
		}
	}
	return names
}

// Variables are the names of the variables that a template declares; whole is false if there may be more, in a file that cannot be read
// to its end.
func Variables(files Files, dir, template string) (declared []string, whole bool) {
	if !IsHCL(template) {
		return oldVariables(files, path.Join(dir, template))
	}
	whole = true
	for _, name := range TemplateFiles(files, dir, template) {
		src, err := files.ReadFile(name)
		if err != nil {
			whole = false
			continue
		}
		file, diags := hclfile.Parse(src, name)
		if whole = whole && !diags.HasErrors(); file == nil || file.Body == nil {
			continue
		}
		content, _, _ := file.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "variable", LabelNames: []string{"name"}}}})
		for _, b := range content.Blocks {
			declared = append(declared, b.Labels[0])
		}
		for _, body := range blocksOf(file.Body, "variables") {
			attributes, _ := body.JustAttributes()
			declared = append(declared, slices.Sorted(maps.Keys(attributes))...)
		}
	}
	return declared, whole
}

// oldVariables are those of a template that is one object in JSON.
func oldVariables(files Files, at string) (declared []string, whole bool) {
	var old struct {
		Variables map[string]any
	}
	src, err := files.ReadFile(at)
	if err == nil {
		err = json.Unmarshal(src, &old)
	}
	return slices.Sorted(maps.Keys(old.Variables)), err == nil
}

func blocksOf(body hcl.Body, kind string) (out []hcl.Body) {
	content, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: kind}}})
	if content == nil {
		return nil
	}
	for _, b := range content.Blocks {
		out = append(out, b.Body)
	}
	return out
}

func member(v cty.Value, name string) string {
	if !v.IsWhollyKnown() || v.IsNull() || !v.Type().IsObjectType() || !v.Type().HasAttribute(name) {
		return ""
	}
	if m := v.GetAttr(name); !m.IsNull() && m.Type() == cty.String {
		return m.AsString()
	}
	return ""
}

// KnowsPlugins reports whether a version of Packer knows required_plugins. One whose number is no number is taken to: it says itself
// what it lacks.
func KnowsPlugins(of string) bool {
	v, err := version.NewVersion(of)
	return err != nil || v.Core().GreaterThanOrEqual(firstWithPlugins)
}

// OldHint says what to do where a template asks for plugins and Packer is older than that.
func OldHint(have string) string {
	return fmt.Sprintf("the template has required_plugins, which packer %s does not know: it needs packer 1.7 or newer; install one, or name it: packer { binary = \"/usr/local/bin/packer\" }", have)
}

// OfflineHint says how Packer comes by plugins that it cannot fetch.
const OfflineHint = "packer init fetches plugins from github.com and releases.hashicorp.com. Without them, install each once on this machine: " +
	PluginPath + "=DIR packer plugins install --path FILE SOURCE (before packer 1.11: copy FILE and its FILE_SHA256SUM into DIR/SOURCE), where whoever runs packer may read, " +
	"and set env = { " + PluginPath + " = \"DIR\" } in the image"

// noPluginHint says what to do where a template uses a plugin and does not ask for it.
const noPluginHint = "name the plugin in packer { required_plugins { ... } } of the template, and it is fetched by packer init when the image is planned; " +
	"or install it on this machine and set env = { " + PluginPath + " = \"DIR\" } in the image"

// hintFor says what to do about what Packer has said of a template.
func hintFor(verb, text, have string, wants []Plugin) string {
	switch {
	case len(wants) > 0 && !KnowsPlugins(have):
		return OldHint(have)
	case verb == "init", strings.Contains(text, "The following plugins are required, but not installed"):
		return OfflineHint
	case strings.Contains(text, "is likely part of a plugin that is not installed"):
		return noPluginHint
	}
	return "mend the template; files beside its dir are part of the image only if watch names them"
}

// PluginDirs are where Packer looks for plugins, given its home and what it gets of [PluginPath].
func PluginDirs(home, pluginPath string) []string {
	if pluginPath != "" {
		return filepath.SplitList(pluginPath)
	}
	return []string{filepath.Join(home, ".config", "packer", "plugins"), filepath.Join(home, ".packer.d", "plugins")}
}

// Search is where the plugins of an image are looked for.
type Search struct {
	Home       string // of packer, where that is the agent's own user
	PluginPath string // what the image's env says of [PluginPath]; empty: nothing
	OtherUser  bool   // whether packer runs as another user than the agent's, who has a new home for each plan
}

// Found is what a search says.
type Found struct {
	Anew    bool     // nothing is kept from one plan to the next, so that packer fetches all each time
	Dirs    []string // where was looked
	Missing []Plugin // of which no directory holds a version that satisfies the template, with the checksum without which Packer does not use it
	Hidden  []string // why a directory could not be read by whoever looks: what is missing may be there
}

// String says it in a sentence: which are there, or which are not and who fetches them.
func (f Found) String() string {
	switch {
	case f.Anew:
		return "another user than the agent's plans, so packer fetches each anew for each plan"
	case len(f.Missing) == 0:
		return "all are there"
	case len(f.Hidden) > 0:
		return fmt.Sprintf("whether they are there cannot be told (%s)", strings.Join(f.Hidden, "; "))
	}
	return fmt.Sprintf("not in %s: %s; the next plan fetches what is missing, if it can", strings.Join(f.Dirs, " or "), Names(f.Missing))
}

// maxNamed is how many plugins are named.
const maxNamed = 20

// Names lists plugins for people.
func Names(plugins []Plugin) string {
	var out []string
	for _, p := range plugins {
		out = append(out, p.String())
	}
	return words.List(out, maxNamed)
}

// For looks for plugins.
func (s Search) For(wants []Plugin) Found {
	if s.PluginPath == "" && s.OtherUser {
		return Found{Anew: true}
	}
	out := Found{Dirs: PluginDirs(s.Home, s.PluginPath)}
	for _, p := range wants {
		here := false
		for _, dir := range out.Dirs {
			is, err := p.isIn(dir)
			if here = here || is; err != nil && !slices.Contains(out.Hidden, err.Error()) {
				out.Hidden = append(out.Hidden, err.Error())
			}
		}
		if !here {
			out.Missing = append(out.Missing, p)
		}
	}
	return out
}

// isIn looks for DIR/SOURCE/packer-plugin-TYPE_vVERSION_xAPI_OS_ARCH. The error says that nobody can tell from here.
func (p Plugin) isIn(dir string) (bool, error) {
	if !filepath.IsLocal(p.Source) {
		return false, nil
	}
	at := filepath.Join(dir, filepath.FromSlash(p.Source))
	entries, err := os.ReadDir(at)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	begin, end := "packer-plugin-"+path.Base(p.Source)+"_v", "_"+runtime.GOOS+"_"+runtime.GOARCH
	for _, e := range entries {
		number, ours := strings.CutPrefix(e.Name(), begin)
		number, whole := strings.CutSuffix(number, end)
		number, _, api := strings.Cut(number, "_x")
		if !ours || !whole || !api || !satisfies(number, p.Version) {
			continue
		}
		if _, err := os.Stat(filepath.Join(at, e.Name()+"_SHA256SUM")); err == nil {
			return true, nil
		}
	}
	return false, nil
}

func satisfies(number, constraint string) bool {
	v, err := version.NewVersion(number)
	if err != nil || constraint == "" {
		return err == nil
	}
	c, err := version.NewConstraint(constraint)
	return err == nil && c.Check(v)
}
