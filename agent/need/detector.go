//go:build !race

package need

// RaceDetector says whether the race detector looks at this process.
const RaceDetector = false
