// Package build says which program this is, as far as the Go toolchain has recorded it.
package build

import (
	"runtime"
	"runtime/debug"
)

// Build says which program this is.
type Build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"` // commit that it was built from; empty if unknown
	Date     string `json:"date"`     // when that commit was made, as RFC 3339; empty if unknown
	Modified bool   `json:"modified"` // built from a changed work tree
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Of is this program; given is the version that whoever built it has written into it, or empty.
func Of(given string) Build {
	b := Build{Version: given, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.time":
				b.Date = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
		if b.Version == "" && info.Main.Version != "(devel)" {
			b.Version = info.Main.Version
		}
	}
	if b.Version == "" {
		b.Version = "devel"
	}
	return b
}
