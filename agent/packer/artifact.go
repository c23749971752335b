package packer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"sallyport/agent/foreign"
	"sallyport/store"
)

// regional is an id with its region before it, as builders of clouds with regions write them. What stands before the colon
// of other ids (https://..., sha256:...) looks like no region.
var regional = regexp.MustCompile(`^([a-z]{2,}[a-z0-9]*(?:-[a-z0-9]+)+|[a-z]{3}[0-9]):([^/:\s]+)$`)

// artifactsOf takes an artifact's id apart: the image in each region, without the region's name before its id.
func artifactsOf(builder, id string) []store.Artifact {
	if id == "" {
		return nil
	}
	var out []store.Artifact
	for _, part := range strings.Split(id, ",") {
		m := regional.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return []store.Artifact{{Builder: builder, ID: id}} // a comma of its own, perhaps: not ours to cut
		}
		out = append(out, store.Artifact{Builder: builder, ID: m[2], Region: m[1]})
	}
	return out
}

// Artifacts takes an id apart that stands alone: a person typed it.
func Artifacts(builder, id string) []store.Artifact {
	if list := artifactsOf(builder, id); len(list) > 0 {
		return list
	}
	return []store.Artifact{{Builder: builder, ID: id}}
}

// addNew adds what is not there yet: a manifest post-processor repeats every artifact.
func addNew(list []store.Artifact, more ...store.Artifact) []store.Artifact {
	for _, a := range more {
		if !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}

// manifest is what the post-processor writes. It adds each run to the ones before.
type manifest struct {
	Builds []struct {
		Name       string `json:"name"`
		ArtifactID string `json:"artifact_id"`
		Run        string `json:"packer_run_uuid"`
	} `json:"builds"`
	LastRun string `json:"last_run_uuid"`
}

// maxManifest bounds a manifest, in bytes.
const maxManifest = 16 << 20

// ReadManifest reads the artifacts of the last run in a manifest below a directory of the agent's; none if there is no such file.
func ReadManifest(top, file string) ([]store.Artifact, error) {
	text, err := foreign.ReadBelow(top, file, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading packer's manifest: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("reading packer's manifest: %w", err)
	}
	var out []store.Artifact
	for _, b := range m.Builds {
		if b.Run == m.LastRun {
			out = addNew(out, artifactsOf(b.Name, b.ArtifactID)...)
		}
	}
	return out, nil
}
