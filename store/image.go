package store

import "time"

// An Artifact is one thing that a build has made: an image in one region.
type Artifact struct {
	Builder string `json:"builder"`
	ID      string `json:"id"` // without its region
	Region  string `json:"region,omitempty"`
}

// A Build is one build of an image that ended well.
type Build struct {
	Run       int        `json:"run"`
	Commit    string     `json:"commit"`
	At        time.Time  `json:"at"`
	Artifacts []Artifact `json:"artifacts"`
}

// An ImageUse is an image whose id a plan gives to a variable.
type ImageUse struct {
	Variable  string     `json:"variable"`
	Image     string     `json:"image"`
	Run       int        `json:"run,omitempty"` // that built it; 0: a person named an id that no known build made
	Given     bool       `json:"given,omitempty"`
	Artifacts []Artifact `json:"artifacts"` // one, or one for each region
}
