package lifecycle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/notify/words"
	"sallyport/store"
)

// ChooseArtifacts picks of what a build made the artifacts of one builder: one, or one for each region.
func ChooseArtifacts(v config.ImageVar, made []store.Artifact) ([]store.Artifact, error) {
	var builders []string
	byRegion := map[string]store.Artifact{}
	clash := false
	for _, a := range made {
		kind, _, _ := strings.Cut(a.Builder, ".")
		if v.Builder != "" && a.Builder != v.Builder && kind != v.Builder {
			continue
		}
		if !slices.Contains(builders, a.Builder) {
			builders = append(builders, a.Builder)
		}
		before, twice := byRegion[a.Region]
		clash = clash || twice && before.Builder != a.Builder
		byRegion[a.Region] = a // the last one of a builder is what its post-processors made of the others
	}
	switch {
	case len(byRegion) == 0:
		return nil, hint.Refuse("say which builder in images of the stack", "no artifact of image %s is of the builder %q", v.Image, v.Builder)
	case clash || len(builders) > 1 && len(byRegion) == 1:
		return nil, hint.Refuse(fmt.Sprintf("say which: images = { %s = \"%s:BUILDER\" }", v.Variable, v.Image),
			"image %s was built by several builders: %s", v.Image, words.List(builders, 10))
	}
	var out []store.Artifact
	for _, region := range slices.Sorted(maps.Keys(byRegion)) {
		if region == "" && len(byRegion) > 1 {
			continue // what has no region cannot stand in a map by region
		}
		out = append(out, byRegion[region])
	}
	return out, nil
}

// NewestBuild is what the newest build of an image made for a variable of a stack. A refusal says what the stack waits for.
func NewestBuild(v config.ImageVar, stack string, image *store.StackState) ([]store.Artifact, error) {
	if len(image.Builds) == 0 {
		return nil, hint.Refuse(fmt.Sprintf("approve its first build, or name one: sallyport plan %s --image %s=ID", stack, v.Image), "waits for image %s, which was not built yet", v.Image)
	}
	return ChooseArtifacts(v, image.Builds[0].Artifacts)
}
