package stack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// lockName is the file that pins providers.
const lockName = ".terraform.lock.hcl"

// Guards are what decides where a stack's state lies and which programs terraform downloads and runs for it, in the root and
// its local modules.
type Guards struct {
	Settings string // digest of the terraform blocks: backend, required_providers
	Lock     string // digest of the lock file; empty if there is none
	loads
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
	f, err := find(t, d)
	if err != nil {
		return Guards{}, err
	}
	settings := sha256.New()
	g := Guards{loads: loads{remote: f.remote, root: f.root}}
	for _, strange := range f.strange {
		g.runs(strange)
	}
	if _, err := t.ReadDir(path.Join(path.Clean(d.Dir), "terraform.d")); err == nil {
		g.runs("a directory terraform.d, whose plugins terraform would take")
	} else if wrongFile(err) == nil {
		return Guards{}, fmt.Errorf("looking for plugins: %w", err)
	}
	slices.SortFunc(f.order, func(a, b *module) int { return strings.Compare(a.dir, b.dir) })
	for _, m := range f.order {
		g.settingsOf(m, settings)
	}
	if err := g.reach(t, d, f.order); err != nil {
		return Guards{}, fmt.Errorf("reading what providers refer to: %w", err)
	}
	g.Settings = hex.EncodeToString(settings.Sum(nil))
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

// settingsOf adds the terraform blocks of one module, in the order in which its files are read, and what else it makes terraform
// load.
func (g *Guards) settingsOf(m *module, sum hash.Hash) {
	for i := range m.files {
		s := &m.files[i]
		var blocks []byte
		switch {
		case s.wrong != nil:
			blocks = []byte(s.wrong.Error()) // what is in it nobody knows: that it became so is a change
		case !s.whole:
			blocks = s.src
		case strings.HasSuffix(s.name, ".json"):
			blocks = settingsInJSON(s.src)
		default:
			blocks = settingsInHCL(s)
		}
		if len(blocks) > 0 { // files without any may come and go, and have any name
			kind := 0
			if s.override {
				kind = 1
			}
			fmt.Fprintf(sum, "%s\x00%d\x00%s\x00", m.dir, kind, blocks)
		}
		switch {
		case s.wrong != nil:
			g.runs("nobody can read " + s.wrong.Error())
		case !s.whole:
			g.runs("nobody can read " + s.name)
		default:
			g.readBody(s.body, s.src, s.name)
		}
	}
}

func settingsInHCL(s *source) []byte {
	body, ok := s.body.(*hclsyntax.Body)
	if !ok {
		return s.src
	}
	var out bytes.Buffer
	for _, block := range body.Blocks {
		if block.Type != "terraform" {
			continue
		}
		out.WriteString(tokens(hcl.RangeBetween(block.TypeRange, block.CloseBraceRange).SliceBytes(s.src)))
	}
	return out.Bytes()
}

// settingsInJSON are the terraform blocks of a file in JSON. A key may stand there twice, and there may be a list of objects:
// terraform takes all of them.
func settingsInJSON(src []byte) []byte {
	top, err := members(src)
	if err != nil {
		return src
	}
	var out []byte
	for _, m := range top {
		if m.key != "terraform" {
			continue
		}
		var text bytes.Buffer
		if json.Compact(&text, m.value) != nil {
			return src
		}
		out = append(append(out, text.Bytes()...), '\n')
	}
	return out
}

// member is a key of a JSON object with its value as it stands there.
type member struct {
	key   string
	value json.RawMessage
}

// members are those of an object, or of each object of a list, in order and with keys that stand there twice.
func members(src []byte) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(src))
	open, err := d.Token()
	if err != nil {
		return nil, err
	}
	var out []member
	for d.More() {
		var m member
		switch open {
		case json.Delim('{'):
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			m.key = fmt.Sprint(key)
			if err := d.Decode(&m.value); err != nil {
				return nil, err
			}
			out = append(out, m)
		case json.Delim('['):
			if err := d.Decode(&m.value); err != nil {
				return nil, err
			}
			inner, err := members(m.value)
			if err != nil {
				return nil, err
			}
			out = append(out, inner...)
		default:
			return nil, errors.New("neither an object nor a list")
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the configuration")
	}
	return out, nil
}

// unescaped are the strings of a file in JSON, keys and values, as they are meant, one a line.
func unescaped(src []byte) []byte {
	var out bytes.Buffer
	for d := json.NewDecoder(bytes.NewReader(src)); ; {
		token, err := d.Token()
		if err != nil {
			return out.Bytes()
		}
		if s, ok := token.(string); ok {
			out.WriteString(s + "\n")
		}
	}
}
