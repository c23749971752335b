package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/foreign"
	"sallyport/agent/hclfile"
)

// wishes is what modules ask an init for.
type wishes struct {
	sum   hash.Hash       // of what decides which modules and backend an init brings, and how providers are chosen
	needs map[string]bool // names of providers that something in a module is of
	exact bool            // of each module from elsewhere they say which one, and not only where from
	seen  map[string]bool
	top   string // the directory below which the modules lie
}

const (
	maxModules = 1000
	maxSource  = 16 << 20 // of a file of configuration, in bytes
)

// readWishes reads a module, and those beside it that it calls. What is not understood is not exact. What is overlooked here terraform
// misses later: it compares lock file, modules and backend with the configuration before each plan.
func readWishes(top, dir string) *wishes {
	w := &wishes{sum: sha256.New(), needs: map[string]bool{}, exact: true, seen: map[string]bool{}, top: top}
	w.module(dir)
	return w
}

// digest is the same for the same wishes.
func (w *wishes) digest() string {
	return hex.EncodeToString(w.sum.Sum(fmt.Appendf(nil, "%q", slices.Sorted(maps.Keys(w.needs)))))
}

func (w *wishes) module(dir string) {
	rel, err := filepath.Rel(w.top, dir)
	if err != nil || !filepath.IsLocal(rel) || len(w.seen) > maxModules {
		w.exact = false
		return
	}
	if w.seen[rel] {
		return
	}
	w.seen[rel] = true
	fmt.Fprintf(w.sum, "module %q\n", rel)
	root, err := os.OpenRoot(w.top)
	if err != nil {
		w.exact = false
		return
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), filepath.ToSlash(rel))
	if err != nil {
		w.exact = false
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, f := range hclfile.Files(names, hclfile.Terraform) {
		src, err := foreign.ReadBelow(w.top, filepath.Join(dir, f.Name), maxSource)
		if err != nil {
			w.exact = false
			continue
		}
		w.file(dir, f, src)
	}
}

func (w *wishes) file(dir string, f hclfile.File, src []byte) {
	if strings.HasSuffix(f.Name, ".json") {
		fmt.Fprintf(w.sum, "%q\n", src)
		w.exact = w.exact && !bytes.Contains(src, []byte(`"module"`)) && !bytes.Contains(src, []byte(`\u`))
		return
	}
	file, diags := hclfile.Parse(src, f.Name)
	if diags.HasErrors() {
		w.exact = false
		return
	}
	body, native := file.Body.(*hclsyntax.Body)
	if !native {
		w.exact = false
		return
	}
	for _, block := range body.Blocks {
		switch block.Type {
		case "terraform":
			fmt.Fprintf(w.sum, "%t %q\n", f.Override, block.Range().SliceBytes(src))
		case "module":
			w.call(dir, f, block, src)
		case "provider", "resource", "data", "ephemeral", "list", "action": // if nothing else is said, the first word of its type is its provider
			if provider := attribute(block, "provider", src); provider != nil {
				w.needs[fmt.Sprintf("%q %q", strings.TrimPrefix(dir, w.top), provider)] = true
			} else if len(block.Labels) > 0 {
				if name, _, _ := strings.Cut(block.Labels[0], "_"); name != "terraform" { // which is built in
					w.needs[fmt.Sprintf("%q %q", strings.TrimPrefix(dir, w.top), name)] = true
				}
			}
			if block.Type == "provider" { // which can name a version
				fmt.Fprintf(w.sum, "%q %q\n", block.Labels, attribute(block, "version", src))
			}
		}
	}
}

// call takes in what a module block asks for.
func (w *wishes) call(dir string, f hclfile.File, block *hclsyntax.Block, src []byte) {
	fmt.Fprintf(w.sum, "module %q %q %q\n", block.Labels, attribute(block, "source", src), attribute(block, "version", src))
	source, known := literal(block, "source")
	version, versionKnown := literal(block, "version")
	local := strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../")
	switch {
	case !known || !versionKnown:
		w.exact = false
	case f.Override && source == "" && version == "":
	case local && version == "":
		w.module(filepath.Join(dir, filepath.FromSlash(source)))
	default:
		w.exact = w.exact && exactSource(source, version)
	}
}

// attribute is an attribute of a block as it is written; nil if there is none.
func attribute(block *hclsyntax.Block, name string, src []byte) []byte {
	attr, found := block.Body.Attributes[name]
	if !found {
		return nil
	}
	return attr.Expr.Range().SliceBytes(src)
}

// literal is the text that an attribute is without knowing anything else; empty if there is none.
func literal(block *hclsyntax.Block, name string) (text string, known bool) {
	attr, found := block.Body.Attributes[name]
	if !found {
		return "", true
	}
	v, diags := attr.Expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

var (
	registryModule = regexp.MustCompile(`^([0-9A-Za-z-]+(\.[0-9A-Za-z-]+)+(:\d+)?/)?[0-9A-Za-z_-]+/[0-9A-Za-z_-]+/[0-9a-z]+(//[0-9A-Za-z_./-]*)?$`)
	oneVersion     = regexp.MustCompile(`^(= *)?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)
	gitModule      = regexp.MustCompile(`^(git::|git@|github\.com/|bitbucket\.org/)`)
	commitRef      = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	versionRef     = regexp.MustCompile(`^([0-9A-Za-z_.-]+[/_-])*v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)
)

// exactSource reports whether the source of a module from elsewhere says which one: one version of a registry, or a commit or what is
// named like the tag of a version in git. That it is a tag the clone has to say, see [exactClones].
func exactSource(source, version string) bool {
	if gitModule.MatchString(source) {
		ref, ok := gitRef(source)
		return ok && version == "" && (commitRef.MatchString(ref) || versionRef.MatchString(ref))
	}
	return registryModule.MatchString(source) && oneVersion.MatchString(version)
}

// gitRef is the ref of a module's source; not ok if it has not just one.
func gitRef(source string) (ref string, ok bool) {
	_, query, _ := strings.Cut(source, "?")
	for part := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(part, "="); name == "ref" {
			if ok || strings.ContainsAny(value, "%+") || strings.Contains(value, "..") {
				return "", false
			}
			ref, ok = value, true
		}
	}
	return ref, ok
}

// manifestEntry is a module in terraform's list of those that are installed.
type manifestEntry struct {
	Key, Source, Dir string
}

// exactClones reports whether all modules that an init has brought are exact, and what they call is. At is a copy of the modules, was
// where terraform has put them.
func exactClones(at, was string) bool {
	text, err := os.ReadFile(filepath.Join(at, "modules.json"))
	if err != nil {
		return false
	}
	var manifest struct{ Modules []manifestEntry }
	if json.Unmarshal(text, &manifest) != nil {
		return false
	}
	proven, named := map[string]bool{}, map[string]bool{} // of git, by package: terraform copies what it has cloned already without the clone's own files
	for _, m := range manifest.Modules {
		rest, brought := strings.CutPrefix(m.Dir, was+"/")
		if !brought {
			if m.Key != "" && !strings.HasPrefix(m.Source, "./") && !strings.HasPrefix(m.Source, "../") {
				return false
			}
			continue
		}
		if !filepath.IsLocal(rest) || !filepath.IsLocal(m.Key) || !readWishes(at, filepath.Join(at, rest)).exact {
			return false
		}
		if !strings.Contains(m.Source, "?") {
			continue
		}
		ref, ok := gitRef(m.Source)
		if !ok {
			return false
		}
		whole := packageOf(m.Source)
		named[whole] = true
		proven[whole] = proven[whole] || commitRef.MatchString(ref) || tagged(filepath.Join(at, m.Key), ref)
	}
	for whole := range named {
		if !proven[whole] {
			return false
		}
	}
	return true
}

// packageOf is a module's source without the directory in it.
func packageOf(source string) string {
	address, query, _ := strings.Cut(source, "?")
	scheme, rest, _ := strings.Cut(address, "://")
	rest, _, _ = strings.Cut(rest, "//")
	return scheme + "://" + rest + "?" + query
}

// tagged reports whether a clone has a tag of a name, and no branch that could have been meant.
func tagged(clone, name string) bool {
	packed, _ := foreign.ReadBelow(clone, filepath.Join(clone, ".git", "packed-refs"), maxSource)
	has := func(ref string) bool {
		loose, _ := foreign.ReadBelow(clone, filepath.Join(clone, ".git", filepath.FromSlash(ref)), maxReadBack)
		return len(loose) > 0 || bytes.Contains(packed, []byte(" "+ref+"\n"))
	}
	return filepath.IsLocal(name) && has(path.Join("refs/tags", name)) && !has(path.Join("refs/remotes/origin", name)) && !has(path.Join("refs/heads", name))
}
