package terraform

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"sallyport/agent/fault"
	"sallyport/agent/foreign"
)

// planState is the state that a plan was made against, read from the plan file itself: no process, and no chance to
// read another state than the plan did.
type planState struct {
	Lineage   string
	Serial    int64
	Resources int      // managed objects
	Addresses []string // of them
}

// empty reports whether there was no state when the plan was made, or one that holds nothing and never did.
func (s planState) empty() bool { return s.Lineage == "" && s.Resources == 0 }

// stateResource is one resource of a state, format 4. Attributes are not decoded.
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

// readPlanState reads the state out of a plan file. What it holds is taken from before the refresh, where objects that
// have vanished outside still are; its identity is only in the member after it.
func readPlanState(planFile string) (planState, error) {
	z, err := zip.OpenReader(planFile)
	if err != nil {
		return planState{}, fmt.Errorf("opening the plan file: %w", err)
	}
	defer func() { _ = z.Close() }()
	after, err := readStateMember(z, "tfstate")
	if err != nil {
		return planState{}, err
	}
	before, err := readStateMember(z, "tfstate-prev")
	if err != nil {
		return planState{}, err
	}
	before.Lineage, before.Serial = after.Lineage, after.Serial
	return before, nil
}

// maxStateText bounds a state in a plan file, in bytes: what is packed can be a thousand times as large.
const maxStateText = 512 << 20

func readStateMember(z *zip.ReadCloser, name string) (planState, error) {
	f, err := z.Open(name)
	if err != nil {
		return planState{}, fmt.Errorf("looking for %s in the plan file: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	s, err := decodeState(io.LimitReader(f, maxStateText))
	if err != nil {
		return planState{}, fmt.Errorf("reading %s in the plan file: %w", name, err)
	}
	return s, nil
}

func decodeState(r io.Reader) (planState, error) {
	var s planState
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

func (s *planState) add(res stateResource) {
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

// sealPlan makes a finished plan file durable under its final name and returns its SHA-256 in hex. What was digested
// is what is on the disk when the caller records it.
func sealPlan(from, to string) (string, error) {
	f, err := foreign.Open(from)
	if err != nil {
		return "", fmt.Errorf("taking the plan file: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Chmod(0o600); err != nil {
		return "", fmt.Errorf("protecting the plan file: %w", err)
	}
	if err := f.Sync(); err != nil {
		return "", fmt.Errorf("syncing the plan file: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		return "", fmt.Errorf("moving the plan file into place: %w", err)
	}
	if err := syncPath(filepath.Dir(to)); err != nil {
		return "", fmt.Errorf("syncing the plan's directory: %w", err)
	}
	fault.Point("plan file in place")
	h := sha256.New()
	if err := foreign.Copy(h, f, maxPlan); err != nil {
		return "", fmt.Errorf("digesting the plan file: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// syncPath fsyncs a file or a directory.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
