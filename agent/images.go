package agent

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/lifecycle"
	"sallyport/agent/packer"
	"sallyport/agent/terraform"
	"sallyport/notify/redact"
	"sallyport/store"
)

// keptBuilds are the newest builds of an image that are remembered beside those that a stack runs on.
const keptBuilds = 50

// built remembers a build that ended well, in the transaction that ends its run. The stacks that use the image find out by
// themselves: see dependencies.
func (a *ledger) built(tx *store.Tx, st *store.StackState, run *store.Run) error {
	used, err := buildsInUse(tx)
	if err != nil {
		return err
	}
	now := store.Build{Run: run.ID, Commit: run.Commit, At: a.now().UTC(), Artifacts: run.Artifacts}
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

// useImages gives a plan the ids of its images.
func (a *ledger) useImages(run *store.Run, s *config.Stack, o *terraform.PlanOptions) (uses []store.ImageUse, notes []string, err error) {
	if len(s.Images) == 0 {
		return nil, nil, nil
	}
	if err := a.store.View(func(tx *store.Tx) (err error) {
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
		line := fmt.Sprintf("image %s: %s", use.Image, useText(use))
		for _, now := range st.Images {
			if now.Variable == use.Variable && !slices.Equal(now.Artifacts, use.Artifacts) {
				line += "; it runs on " + useText(now)
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

func useText(use store.ImageUse) string {
	text := artifactNames(use.Artifacts)
	switch {
	case use.Given && use.Run == 0:
		text += ", named by a person"
	case use.Given:
		text += fmt.Sprintf(" of build #%d, named by a person", use.Run)
	default:
		text += fmt.Sprintf(" of build #%d", use.Run)
	}
	return text
}

// artifactNames are artifacts in words.
func artifactNames(list []store.Artifact) string {
	var names []string
	for _, a := range list {
		name := a.ID
		if a.Region != "" {
			name += " in " + a.Region
		}
		names = append(names, name)
	}
	return joinSome(names, 10)
}

// scheduledBuilds makes the runs of images whose schedule has come up: nothing else of the image is open and something was
// built. What came up while nobody looked makes one run.
func (a *triggers) scheduledBuilds(w *world) (time.Duration, error) {
	next := idlePass
	for _, s := range w.cfg.Stacks {
		if s.Schedule == "" || s.Mode == config.ModeObserve {
			continue
		}
		schedule, err := config.ParseSchedule(s.Schedule)
		if err != nil {
			return next, err
		}
		var st *store.StackState
		if err := a.store.View(func(tx *store.Tx) (err error) {
			st, err = tx.Stack(s.Name)
			return err
		}); err != nil {
			return next, err
		}
		now := a.now()
		last := st.ScheduledAt
		if st.AppliedAt.After(last) {
			last = st.AppliedAt // a build of whatever kind is as fresh as a scheduled one
		}
		if st.AppliedCommit == "" || st.OpenRun != 0 {
			continue
		}
		if wait := clock.UntilDue(schedule, last, now); wait > 0 {
			next = min(next, wait)
			continue
		}
		if err := a.scheduledBuild(w, s); err != nil {
			return next, err
		}
	}
	return next, nil
}

func (a *triggers) scheduledBuild(w *world, s *config.Stack) error {
	return a.update(func(tx *Tx) error {
		st, err := tx.Stack(s.Name)
		if err != nil || st.OpenRun != 0 {
			return err
		}
		repository, err := tx.Repository(s.Repository)
		if err != nil || repository.Head == "" || !a.compared.with(s.Name, repository.Head) {
			return err // a commit run may be due, which builds it too
		}
		st.ScheduledAt = a.now().UTC()
		if err := tx.PutStack(st); err != nil {
			return err
		}
		return a.create(tx, w, &store.Run{
			Stack: s.Name, Repository: s.Repository, Kind: store.KindSchedule, Commit: st.AppliedCommit, Head: repository.Head,
			AtApplied: true, Reason: "its schedule " + s.Schedule + " has come up",
		})
	})
}

// ownImages refuses a wish for an image that the stack does not run on: nothing would come of it.
func ownImages(wish map[string]string, s *config.Stack) error {
	var have []string
	for _, v := range s.Images {
		have = append(have, v.Image)
	}
	for _, name := range slices.Sorted(maps.Keys(wish)) {
		if !slices.Contains(have, name) {
			return control.Errorf(control.Usage, "stack %s does not run on an image %q", s.Name, redact.CleanLine(name)).
				WithHint("its images are: %s", joinSome(have, 10))
		}
		if id := wish[name]; id == "" || id != redact.CleanLine(id) {
			return control.Errorf(control.Usage, "%q is not the id of an image", redact.CleanLine(id))
		}
	}
	return nil
}

// notForImages refuses for an image what only Terraform's stacks know. A build has no state in which there is anything to
// replace or destroy.
func notForImages(s *config.Stack, what string) error {
	if s.Engine != config.EnginePacker || what == "" {
		return nil
	}
	return control.Errorf(control.Usage, "%s is an image, which knows no %s", s.Name, what).
		WithHint("sallyport plan %s plans its next build", s.Name)
}
