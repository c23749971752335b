package render

import (
	"fmt"
	"strings"
	"time"

	"sallyport/agent/control"
)

// Build is one build in `sallyport images --json`.
type Build struct {
	Image     string             `json:"image"`
	Run       int                `json:"run"`
	Commit    string             `json:"commit"`
	At        *time.Time         `json:"at"`
	Artifacts []control.Artifact `json:"artifacts"`
	Stacks    []string           `json:"stacks"` // that run on it
}

// Builds are the builds of all images, newest first, with the stacks that run on them. A stack that runs on an id that
// no known build made is listed with a build of number 0.
func Builds(stacks []control.Stack) []Build {
	out := []Build{}
	users := map[string][]string{}
	key := func(image string, run int) string { return fmt.Sprintf("%s %d", image, run) }
	for _, s := range stacks {
		for _, use := range s.Images {
			users[key(use.Image, use.Run)] = append(users[key(use.Image, use.Run)], s.Name)
			if use.Run == 0 {
				out = append(out, Build{Image: use.Image, Artifacts: use.Artifacts, Stacks: []string{s.Name}})
			}
		}
	}
	for _, s := range stacks {
		for _, b := range s.Builds {
			by := users[key(s.Name, b.Run)]
			if by == nil {
				by = []string{}
			}
			out = append(out, Build{Image: s.Name, Run: b.Run, Commit: b.Commit, At: b.At, Artifacts: b.Artifacts, Stacks: by})
		}
	}
	return out
}

// Images is a table of builds.
func (w Width) Images(builds []Build) string {
	if len(builds) == 0 {
		return "nothing was built yet\n"
	}
	var rows [][]string
	for _, b := range builds {
		var made []string
		for _, m := range b.Artifacts {
			id := m.ID
			if m.Region != "" {
				id = m.Region + ":" + id
			}
			made = append(made, id)
		}
		run := "-"
		if b.Run != 0 {
			run = fmt.Sprintf("#%d", b.Run)
		}
		on := "-"
		if len(b.Stacks) > 0 {
			on = strings.Join(b.Stacks, ", ")
		}
		rows = append(rows, []string{b.Image, run, short(b.Commit), strings.Join(made, ", "), on})
	}
	return table{headings: []string{"IMAGE", "RUN", "COMMIT", "MADE", "STACKS ON IT"}, rows: rows, spare: []string{"COMMIT", "RUN"}}.in(w)
}
