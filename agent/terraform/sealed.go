package terraform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"sallyport/agent/terraform/keptstate"
	"sallyport/agent/terraform/planjson"
	"sallyport/store/disk"
)

// PulledStateFile lies beside a plan that is encrypted: the state of before, which else is in the plan, as the backend shows it. It holds
// secrets in clear.
const PulledStateFile = "before.tfstate"

// noState is a state that there is none of.
const noState = `{"version": 4, "serial": 0, "lineage": "", "outputs": {}, "resources": []}`

// inside is what a plan file has inside beside the plan: the state that it was made on, and a digest of the configuration. Of an
// encrypted one nothing can be read, so the backend is asked, and the digest is that of the files that it was made of.
func (p *planner) inside(ctx context.Context) (state planjson.State, configuration string, err error) {
	sealed, err := planjson.Sealed(p.res.PlanFile)
	if err != nil {
		return state, "", err
	}
	if !sealed {
		if state, err = planjson.ReadState(p.res.PlanFile); err != nil {
			return state, "", err
		}
		configuration, err = planjson.Configuration(p.res.PlanFile)
		return state, configuration, err
	}
	text, err := p.pullState(ctx)
	if err != nil {
		return state, "", err
	}
	if strings.TrimSpace(text) == "" {
		text = noState
	}
	if state, err = planjson.ParseState(strings.NewReader(text)); err != nil {
		return state, "", fmt.Errorf("reading the state: %w", err)
	}
	if err := disk.WriteFile(filepath.Join(p.o.OutDir, PulledStateFile), []byte(text)); err != nil {
		return state, "", fmt.Errorf("keeping the state of before: %w", err)
	}
	configuration, err = sourceDigest(&p.o)
	return state, configuration, err
}

// sourceDigest is the SHA-256, in hex, of all files of the checkout and of the modules that init has fetched.
func sourceDigest(o *PlanOptions) (string, error) {
	sum := sha256.New()
	for _, dir := range []string{o.Source, filepath.Join(o.DataDir, "modules")} {
		files, err := keptstate.Files(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("digesting the configuration: %w", err)
		}
		delete(files, "modules.json") // which says where they lie in this run's directory
		for _, name := range slices.Sorted(maps.Keys(files)) {
			fmt.Fprintf(sum, "%q %s\n", name, files[name])
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
