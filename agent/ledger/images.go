package ledger

import (
	"fmt"
	"maps"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/agent/lifecycle"
	"sallyport/agent/packer"
	"sallyport/agent/phrase"
	"sallyport/agent/terraform"
	"sallyport/store"
)

// keptBuilds are the newest builds of an image that are remembered beside those that a stack runs on.
const keptBuilds = 50

// built remembers a build that ended well, in the transaction that ends its run. The stacks that use the image find out by
// themselves, since they compare what they have taken in with what is recorded here.
func (l *Ledger) built(tx *store.Tx, st *store.StackState, run *store.Run) error {
	used, err := buildsInUse(tx)
	if err != nil {
		return err
	}
	now := store.Build{Run: run.ID, Commit: run.Commit, At: l.now().UTC(), Artifacts: run.Artifacts}
	builds := []store.Build{now}
	for _, b := range st.Builds {
		if b.Run != run.ID && (len(builds) < keptBuilds || used[b.Run]) {
			builds = append(builds, b)
		}
	}
	slices.SortStableFunc(builds, func(a, b store.Build) int { return b.Run - a.Run })
	st.Builds = builds
	return nil
}

// buildsInUse are the runs that built what some stack runs on.
func buildsInUse(tx *store.Tx) (map[int]bool, error) {
	stacks, err := tx.Stacks()
	used := map[int]bool{}
	for _, s := range stacks {
		for _, use := range s.Images {
			used[use.Run] = true
		}
	}
	return used, err
}

// imageUses are the images that a run's plan gives to variables: the newest build, or what a person named.
func imageUses(tx *store.Tx, run *store.Run, s *config.Stack) ([]store.ImageUse, error) {
	var uses []store.ImageUse
	for _, v := range s.Images {
		st, err := tx.Stack(v.Image)
		if err != nil {
			return nil, err
		}
		if id, given := run.Options.Images[v.Image]; given {
			uses = append(uses, givenImage(v, id, st.Builds))
			continue
		}
		if len(st.Builds) == 0 {
			return nil, hint.Refuse(fmt.Sprintf("approve its first build, or name one: sallyport plan %s --image %s=ID", s.Name, v.Image), "waits for image %s, which was not built yet", v.Image)
		}
		artifacts, err := lifecycle.ChooseArtifacts(v, st.Builds[0].Artifacts)
		if err != nil {
			return nil, err
		}
		uses = append(uses, store.ImageUse{Variable: v.Variable, Image: v.Image, Run: st.Builds[0].Run, Artifacts: artifacts})
	}
	return uses, nil
}

// givenImage is what a person named: an id, or several with their regions as packer writes them.
func givenImage(v config.ImageVar, id string, builds []store.Build) store.ImageUse {
	use := store.ImageUse{Variable: v.Variable, Image: v.Image, Given: true, Artifacts: packer.Artifacts("", id)}
	for _, b := range builds {
		for _, made := range b.Artifacts {
			if made.ID == use.Artifacts[0].ID && made.ID != "" {
				use.Run = b.Run
				use.Artifacts[0].Builder = made.Builder
				return use
			}
		}
	}
	return use
}

// UseImages gives a plan the ids of its images.
func (l *Ledger) UseImages(run *store.Run, s *config.Stack, o *terraform.PlanOptions) (uses []store.ImageUse, notes []string, err error) {
	if len(s.Images) == 0 {
		return nil, nil, nil
	}
	if err := l.store.View(func(tx *store.Tx) (err error) {
		if uses, err = imageUses(tx, run, s); err == nil {
			notes, err = imageNotes(tx, run.Stack, uses)
		}
		return err
	}); err != nil {
		return nil, nil, err
	}
	vars := maps.Clone(o.Vars)
	if vars == nil {
		vars = map[string]cty.Value{}
	}
	for _, use := range uses {
		vars[use.Variable] = imageValue(use)
	}
	o.Vars = vars
	return uses, notes, nil
}

// imageValue is the id, or a map of ids by region.
func imageValue(use store.ImageUse) cty.Value {
	if len(use.Artifacts) == 1 {
		return cty.StringVal(use.Artifacts[0].ID)
	}
	byRegion := map[string]cty.Value{}
	for _, a := range use.Artifacts {
		byRegion[a.Region] = cty.StringVal(a.ID)
	}
	return cty.MapVal(byRegion)
}

// imageNotes say which images a plan uses, what the stack runs on now, and what is being built meanwhile.
func imageNotes(tx *store.Tx, stack string, uses []store.ImageUse) ([]string, error) {
	st, err := tx.Stack(stack)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, use := range uses {
		line := fmt.Sprintf("image %s: %s", use.Image, phrase.UseText(use))
		for _, now := range st.Images {
			if now.Variable == use.Variable && !slices.Equal(now.Artifacts, use.Artifacts) {
				line += "; it runs on " + phrase.UseText(now)
			}
		}
		image, err := tx.Stack(use.Image)
		if err != nil {
			return nil, err
		}
		if image.OpenRun != 0 && !use.Given {
			line += fmt.Sprintf("; #%d of it is not built yet, and a new plan follows it", image.OpenRun)
		}
		lines = append(lines, line)
	}
	return lines, nil
}
