package diag

import (
	"fmt"
	"regexp"

	"github.com/hashicorp/go-version"
)

// requiredVersion finds the constraint in the line that terraform quotes.
var requiredVersion = regexp.MustCompile(`required_version\s*=\s*"([^"]*)"`)

// impossibleVersion is a constraint among those that terraform refuses which no version can satisfy; empty if there is none.
func impossibleVersion(diags []Diagnostic) string {
	for _, d := range diags {
		m := requiredVersion.FindStringSubmatch(d.Code)
		if m == nil || !d.IsError() {
			continue
		}
		if c, err := version.NewConstraint(m[1]); err == nil && !satisfiable(c) {
			return m[1]
		}
	}
	return ""
}

// versionNumber is a version in a constraint.
var versionNumber = regexp.MustCompile(`\d+(\.\d+)*(-[0-9A-Za-z.-]+)?`)

// satisfiable reports whether any version satisfies constraints. Those that do lie between versions that the constraints name, so
// that one of these does, or one right beside them, or one far above all.
func satisfiable(c version.Constraints) bool {
	tries := []string{"0.0.0", "99999.0.0"}
	for _, text := range versionNumber.FindAllString(c.String(), -1) {
		v, err := version.NewVersion(text)
		if err != nil {
			return true // nobody can tell
		}
		tries = append(tries, text)
		s := v.Segments64()
		major, minor, patch := s[0], s[1], s[2]
		for _, near := range [][3]int64{{major, minor, patch}, {major, minor, patch + 1}, {major, minor + 1, 0}, {major + 1, 0, 0}, {major, minor, patch - 1}, {major, minor - 1, 99999}, {major - 1, 99999, 99999}} {
			if near[0] >= 0 && near[1] >= 0 && near[2] >= 0 {
				tries = append(tries, fmt.Sprintf("%d.%d.%d", near[0], near[1], near[2]))
			}
		}
	}
	for _, text := range tries {
		if v, err := version.NewVersion(text); err == nil && c.Check(v) {
			return true
		}
	}
	return false
}
