package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-config-inspect/tfconfig"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/hclfile"
)

// LockFile is the name of the dependency lock file in a root module.
const LockFile = ".terraform.lock.hcl"

// defaultRegistry is the host of providers whose source names none.
func defaultRegistry(tofu bool) string {
	if tofu {
		return "registry.opentofu.org"
	}
	return "registry.terraform.io"
}

// lockedProvider is one provider of a dependency lock file.
type lockedProvider struct {
	Address string // host/namespace/type
	Version string
}

// path is where a mirror has the provider's package for this machine, below its root.
func (p lockedProvider) path() string {
	return filepath.Join(filepath.FromSlash(p.Address), p.Version, platform())
}

// readLock reads the providers that a root module's lock file pins, by address; nil without a lock file.
func readLock(workDir string) (map[string]lockedProvider, error) {
	src, err := os.ReadFile(filepath.Join(workDir, LockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the lock file: %w", err)
	}
	return parseLock(src)
}

// parseLock reads the providers that a lock file pins, by address.
func parseLock(src []byte) (map[string]lockedProvider, error) {
	file, diags := hclfile.Parse(src, LockFile)
	if diags.HasErrors() {
		return nil, fmt.Errorf("reading the lock file: %w", diags)
	}
	content, _, diags := file.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "provider", LabelNames: []string{"source"}},
	}})
	if diags.HasErrors() {
		return nil, fmt.Errorf("reading the lock file: %w", diags)
	}
	lock := make(map[string]lockedProvider)
	for _, block := range content.Blocks {
		attrs, _, _ := block.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "version"}}})
		version, ok := attrs.Attributes["version"]
		if !ok {
			return nil, fmt.Errorf("reading the lock file: provider %s has no version", block.Labels[0])
		}
		v, diags := version.Expr.Value(nil)
		if diags.HasErrors() || v.Type() != cty.String || v.IsNull() {
			return nil, fmt.Errorf("reading the lock file: the version of provider %s is not a text", block.Labels[0])
		}
		p := lockedProvider{Address: block.Labels[0], Version: v.AsString()}
		if !filepath.IsLocal(p.path()) { // the file is foreign, and address and version become a path in the store
			return nil, fmt.Errorf("reading the lock file: provider %q has a version or a name that is none", p.Address)
		}
		lock[p.Address] = p
	}
	return lock, nil
}

// sameSelections reports whether two lock files pin the same providers to the same versions.
func sameSelections(a, b []byte) bool {
	left, errA := parseLock(a)
	right, errB := parseLock(b)
	return errA == nil && errB == nil && maps.Equal(left, right)
}

// extendsLock reports whether a lock file has everything that another one pins, and perhaps more.
func extendsLock(base, lock []byte) bool {
	want, errA := parseLock(base)
	have, errB := parseLock(lock)
	if errA != nil || errB != nil {
		return false
	}
	for address, p := range want {
		if have[address] != p {
			return false
		}
	}
	return true
}

// needs is what a root module asks to be installed, as far as its own files and its local modules say.
type needs struct {
	providers map[string]map[string]bool // by address, with the versions that are asked for; built-in ones left out
	remote    bool                       // it calls modules from elsewhere, which can need more
	unread    bool                       // it has files that are not read here, those of OpenTofu alone, which can need anything

	registry string // of providers whose source names none
}

// requiredProviders reads what a root module needs of a registry.
func requiredProviders(workDir, registry string) needs {
	n := needs{providers: make(map[string]map[string]bool), registry: registry}
	n.add(workDir, make(map[string]bool))
	return n
}

// add adds what a module needs, and its local modules.
func (n *needs) add(dir string, seen map[string]bool) {
	if seen[dir] {
		return
	}
	seen[dir] = true
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	own := slices.ContainsFunc(hclfile.Files(names, hclfile.Either), func(f hclfile.File) bool { return f.Tofu })
	n.unread = n.unread || own || err != nil && !errors.Is(err, fs.ErrNotExist)
	module, _ := tfconfig.LoadModule(dir) // what does not parse fails in init, with terraform's words
	asked := maps.Clone(module.RequiredProviders)
	for _, config := range module.ProviderConfigs {
		if _, known := asked[config.Name]; !known {
			asked[config.Name] = &tfconfig.ProviderRequirement{}
		}
	}
	for name, req := range asked {
		address := n.address(name, req.Source)
		if address == "" {
			continue
		}
		if n.providers[address] == nil {
			n.providers[address] = make(map[string]bool)
		}
		for _, version := range req.VersionConstraints {
			n.providers[address][version] = true
		}
	}
	for _, call := range module.ModuleCalls {
		if source := strings.ReplaceAll(call.Source, `\`, "/"); strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../") {
			n.add(filepath.Join(dir, filepath.FromSlash(source)), seen)
		} else {
			n.remote = true
		}
	}
}

// address completes a provider's source as terraform does; empty for what is built into terraform.
func (n *needs) address(name, source string) string {
	if source == "" {
		if name == "terraform" {
			return ""
		}
		source = "hashicorp/" + name
	}
	source = strings.ToLower(source)
	switch strings.Count(source, "/") {
	case 0:
		source = path.Join(n.registry, "hashicorp", source)
	case 1:
		source = path.Join(n.registry, source)
	}
	if strings.HasPrefix(source, "terraform.io/builtin/") {
		return ""
	}
	return source
}
