package stack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"path"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// lockName is the file that pins providers.
const lockName = ".terraform.lock.hcl"

// Guards are digests of what decides where a stack's state lies and which programs terraform downloads and runs for it. They
// can be compared.
type Guards struct {
	Settings string // the terraform blocks of the root and of its local modules: backend, required_providers
	Lock     string // the lock file; empty if there is none
}

// Changed says what differs from an older commit, in words; empty if nothing does.
func (g Guards) Changed(old Guards) string {
	switch {
	case g.Settings != old.Settings && g.Lock != old.Lock:
		return "its backend or providers and its lock file"
	case g.Settings != old.Settings:
		return "its backend or providers"
	case g.Lock != old.Lock:
		return "its lock file"
	}
	return ""
}

// Guard reads them. Blanks and comments do not count; a file that cannot be parsed counts as a whole.
func Guard(t Tree, d Definition) (Guards, error) {
	files, err := Footprint(t, d)
	if err != nil {
		return Guards{}, err
	}
	settings := sha256.New()
	for _, dir := range files.Dirs {
		if err := settingsOf(t, dir, settings); err != nil {
			return Guards{}, fmt.Errorf("reading module %s: %w", dir, err)
		}
	}
	g := Guards{Settings: hex.EncodeToString(settings.Sum(nil))}
	lock, err := t.ReadFile(path.Join(path.Clean(d.Dir), lockName))
	switch {
	case err == nil:
		sum := sha256.Sum256(lock)
		g.Lock = hex.EncodeToString(sum[:])
	case wrongFile(err) != nil:
		if leadsWrong(wrongFile(err)) {
			g.Lock = wrongFile(err).Error() // what is in it nobody knows: that it became so is a change
		}
	default:
		return Guards{}, fmt.Errorf("reading the lock file: %w", err)
	}
	return g, nil
}

// settingsOf adds the terraform blocks of one module, in the order of its files.
func settingsOf(t Tree, dir string, sum hash.Hash) error {
	entries, err := t.ReadDir(dir)
	if wrongFile(err) != nil {
		return nil // terraform will say so
	}
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && isTerraform(e.Name()) {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	for _, name := range names {
		src, err := t.ReadFile(path.Join(dir, name))
		wrong := wrongFile(err)
		if err != nil && wrong == nil {
			return err
		}
		blocks := settingsInHCL(src)
		if strings.HasSuffix(name, ".json") {
			blocks = settingsInJSON(src)
		}
		if wrong != nil {
			blocks = []byte(wrong.Error()) // what is in it nobody knows: that it became so is a change
		}
		if len(blocks) > 0 { // files without any may come and go, and have any name
			fmt.Fprintf(sum, "%s\x00%d\x00%s\x00", dir, overrides(name), blocks)
		}
	}
	return nil
}

func settingsInHCL(src []byte) []byte {
	file, diags := hclsyntax.ParseConfig(src, "", hcl.InitialPos)
	if diags.HasErrors() {
		return src
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return src
	}
	var out bytes.Buffer
	for _, block := range body.Blocks {
		if block.Type != "terraform" {
			continue
		}
		text := hcl.RangeBetween(block.TypeRange, block.CloseBraceRange).SliceBytes(src)
		tokens, diags := hclsyntax.LexConfig(text, "", hcl.InitialPos)
		if diags.HasErrors() {
			return src
		}
		for _, token := range tokens {
			if token.Type != hclsyntax.TokenComment && token.Type != hclsyntax.TokenNewline {
				out.Write(token.Bytes)
				out.WriteByte(' ')
			}
		}
	}
	return out.Bytes()
}

func settingsInJSON(src []byte) []byte {
	var top map[string]any
	if json.Unmarshal(src, &top) != nil {
		return src
	}
	if top["terraform"] == nil {
		return nil
	}
	out, err := json.Marshal(top["terraform"])
	if err != nil {
		return src
	}
	return out
}
