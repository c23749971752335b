package planjson

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// State is what a state file tells of the state: which one it is, and what it holds. Attributes are not read.
type State struct {
	Lineage   string   // the name that terraform gives to a state when it makes it; empty: there is no state
	Serial    int64    // counts the changes of the state
	Resources int      // how many managed objects it holds
	Addresses []string // the addresses of these objects; deposed ones have that of their successor
}

// Empty reports whether there is no state: it holds nothing and has no lineage.
func (s State) Empty() bool { return s.Lineage == "" && s.Resources == 0 }

// stateResource is one resource of a state, format 4, without attributes.
type stateResource struct {
	Mode      string `json:"mode"`
	Module    string `json:"module"`
	Type      string `json:"type"`
	Name      string `json:"name"`
	Instances []struct {
		IndexKey any    `json:"index_key"`
		Deposed  string `json:"deposed"`
	} `json:"instances"`
}

// ReadState reads out of a plan file the state that the plan was made against. The objects are those from before the refresh,
// so that the ones that have vanished outside are still among them; lineage and serial are only in the state after it.
func ReadState(planFile string) (State, error) {
	z, err := zip.OpenReader(planFile)
	if err != nil {
		return State{}, fmt.Errorf("opening the plan file: %w", err)
	}
	defer func() { _ = z.Close() }()
	after, err := readStateMember(z, "tfstate")
	if err != nil {
		return State{}, err
	}
	before, err := readStateMember(z, "tfstate-prev")
	if err != nil {
		return State{}, err
	}
	before.Lineage, before.Serial = after.Lineage, after.Serial
	return before, nil
}

// MaxState bounds a state that is read, in bytes: in a plan file it is packed, and can be a thousand times as large as the file.
const MaxState = 512 << 20

// readStateMember reads one of the two states of a plan file.
func readStateMember(z *zip.ReadCloser, name string) (State, error) {
	f, err := z.Open(name)
	if err != nil {
		return State{}, fmt.Errorf("looking for %s in the plan file: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	s, err := ParseState(io.LimitReader(f, MaxState))
	if err != nil {
		return State{}, fmt.Errorf("reading %s in the plan file: %w", name, err)
	}
	return s, nil
}

// ParseState reads a state file, format 4, one resource at a time.
func ParseState(r io.Reader) (State, error) {
	var s State
	dec := json.NewDecoder(r)
	err := eachMember(dec, func(key string) error {
		switch key {
		case "lineage":
			return dec.Decode(&s.Lineage)
		case "serial":
			return dec.Decode(&s.Serial)
		case "resources":
			return eachElement(dec, func() error {
				var res stateResource
				if err := dec.Decode(&res); err != nil {
					return err
				}
				s.add(res)
				return nil
			})
		}
		return skipValue(dec)
	})
	return s, err
}

// add counts the objects of a resource. Data sources are none.
func (s *State) add(res stateResource) {
	if res.Mode != "managed" {
		return
	}
	base := res.Type + "." + res.Name
	if res.Module != "" {
		base = res.Module + "." + base
	}
	for _, in := range res.Instances {
		s.Resources++
		address := base
		switch k := in.IndexKey.(type) {
		case float64:
			address += "[" + strconv.FormatInt(int64(k), 10) + "]"
		case string:
			address += "[" + strconv.Quote(k) + "]"
		}
		s.Addresses = append(s.Addresses, address)
	}
}

// configPrefix is where a plan file has the configuration that it was made of. The list of modules beside it says where they lay.
const (
	configPrefix = "tfconfig/"
	moduleList   = configPrefix + "modules.json"
)

// Configuration is the SHA-256, in hex, of the configuration in a plan file: of all files of all modules, the remote ones as they
// were fetched. An apply goes by it. What it does beside changing resources, the provisioners for example, shows nowhere else in a
// plan.
func Configuration(planFile string) (string, error) {
	z, err := zip.OpenReader(planFile)
	if err != nil {
		return "", fmt.Errorf("opening the plan file: %w", err)
	}
	defer func() { _ = z.Close() }()
	files := slices.DeleteFunc(slices.Clone(z.File), func(f *zip.File) bool {
		return !strings.HasPrefix(f.Name, configPrefix) || f.Name == moduleList
	})
	slices.SortStableFunc(files, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	sum, left := sha256.New(), int64(MaxState)
	for _, f := range files {
		fmt.Fprintf(sum, "%q %d\n", f.Name, f.UncompressedSize64)
		in, err := f.Open()
		if err != nil {
			return "", fmt.Errorf("reading %s in the plan file: %w", f.Name, err)
		}
		n, err := io.Copy(sum, io.LimitReader(in, left))
		if err = errors.Join(err, in.Close()); err != nil {
			return "", fmt.Errorf("reading %s in the plan file: %w", f.Name, err)
		}
		if left -= n; left <= 0 {
			return "", fmt.Errorf("the configuration in the plan file has more than %d MB", MaxState>>20)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
