package guard

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

	"sallyport/agent/stack"
)

// guards are what decides where a stack's state lies and which programs terraform downloads and runs for it, in the root and
// its local modules.
type guards struct {
	settings string // digest of the terraform blocks: backend, required_providers
	lock     string // digest of the lock file; empty if there is none
	loads
}

// changed says what differs from an older commit, in words; empty if nothing does.
func (g guards) changed(old guards) string {
	switch {
	case g.settings != old.settings && g.lock != old.lock:
		return "its backend or providers and its lock file"
	case g.settings != old.settings:
		return "its backend or providers"
	case g.lock != old.lock:
		return "its lock file"
	}
	return ""
}

// guardsOf reads them. Blanks and comments do not count; a file that cannot be parsed counts as a whole.
func guardsOf(t stack.Tree, d stack.Definition) (guards, error) {
	c, err := stack.Read(t, d)
	if err != nil {
		return guards{}, err
	}
	settings := sha256.New()
	g := guards{loads: loads{remote: c.Remote, root: c.Root}}
	for _, strange := range c.Strange {
		g.runs(strange)
	}
	if _, err := t.ReadDir(path.Join(path.Clean(d.Dir), "terraform.d")); err == nil {
		g.runs("a directory terraform.d, whose plugins terraform would take")
	} else if stack.WrongFile(err) == nil {
		return guards{}, fmt.Errorf("looking for plugins: %w", err)
	}
	slices.SortFunc(c.Modules, func(a, b stack.Module) int { return strings.Compare(a.Dir, b.Dir) })
	for _, m := range c.Modules {
		g.settingsOf(m, settings)
	}
	if err := g.reach(t, d, c.Modules); err != nil {
		return guards{}, fmt.Errorf("reading what providers refer to: %w", err)
	}
	g.settings = hex.EncodeToString(settings.Sum(nil))
	lock, err := t.ReadFile(path.Join(path.Clean(d.Dir), stack.LockFile))
	switch {
	case err == nil:
		sum := sha256.Sum256(lock)
		g.lock = hex.EncodeToString(sum[:])
	case stack.WrongFile(err) != nil:
		if stack.LeadsWrong(stack.WrongFile(err)) {
			g.lock = stack.WrongFile(err).Error() // what is in it nobody knows: that it became so is a change
		}
	default:
		return guards{}, fmt.Errorf("reading the lock file: %w", err)
	}
	return g, nil
}

// settingsOf adds the terraform blocks of one module, in the order in which its files are read, and what else it makes terraform
// load.
func (g *guards) settingsOf(m stack.Module, sum hash.Hash) {
	for i := range m.Files {
		s := &m.Files[i]
		var blocks []byte
		switch {
		case s.Wrong != nil:
			blocks = []byte(s.Wrong.Error()) // what is in it nobody knows: that it became so is a change
		case !s.Whole:
			blocks = s.Text
		case strings.HasSuffix(s.Name, ".json"):
			blocks = settingsInJSON(s.Text)
		default:
			blocks = settingsInHCL(s)
		}
		if len(blocks) > 0 { // files without any may come and go, and have any name
			kind := 0
			if s.Override {
				kind = 1
			}
			fmt.Fprintf(sum, "%s\x00%d\x00%s\x00", m.Dir, kind, blocks)
		}
		switch {
		case s.Wrong != nil:
			g.runs("nobody can read " + s.Wrong.Error())
		case !s.Whole:
			g.runs("nobody can read " + s.Name)
		default:
			g.readBody(s.Body, s.Text, s.Name)
		}
	}
}

func settingsInHCL(s *stack.Source) []byte {
	body, ok := s.Body.(*hclsyntax.Body)
	if !ok {
		return s.Text
	}
	var out bytes.Buffer
	for _, block := range body.Blocks {
		if block.Type != "terraform" {
			continue
		}
		out.WriteString(tokens(hcl.RangeBetween(block.TypeRange, block.CloseBraceRange).SliceBytes(s.Text)))
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
