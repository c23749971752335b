package packer

import (
	"fmt"
	"io/fs"
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
	at := path.Join(dir, template)
	names := []string{at}
	if entries, err := files.ReadDir(at); err == nil {
		names = nil
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".pkr.hcl") || isHCLJSON(e.Name()) {
				names = append(names, path.Join(at, e.Name()))
			}
		}
	}
	var out []Plugin
	for _, name := range names {
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

// Missing are the plugins of which no directory holds a version that satisfies the template, with the checksum beside it without which
// Packer does not use it.
func Missing(wants []Plugin, dirs []string) (out []Plugin) {
	for _, p := range wants {
		if !slices.ContainsFunc(dirs, p.isIn) {
			out = append(out, p)
		}
	}
	return out
}

// isIn looks for DIR/SOURCE/packer-plugin-TYPE_vVERSION_xAPI_OS_ARCH.
func (p Plugin) isIn(dir string) bool {
	if !filepath.IsLocal(p.Source) {
		return false
	}
	at := filepath.Join(dir, filepath.FromSlash(p.Source))
	entries, err := os.ReadDir(at)
	if err != nil {
		return false
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
			return true
		}
	}
	return false
}

func satisfies(number, constraint string) bool {
	v, err := version.NewVersion(number)
	if err != nil || constraint == "" {
		return err == nil
	}
	c, err := version.NewConstraint(constraint)
	return err == nil && c.Check(v)
}
