// Package patience says how long tests wait for what must happen.
//
// A deadline in a test is there for a program that hangs, and for nothing else: what a test checks is what happens, never how
// soon. So it is generous, and grows with the load: four programs that compute beside the tests make everything several times
// slower and nothing wrong.
//
//	SALLYPORT_TEST_PATIENCE=3 go test ./...   three times as patient, for a machine whose load cannot be seen
package patience

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

// quiet is enough on a machine that has nothing else to do, and most is kept to on any: `go test` ends a package after ten
// minutes, and says less about why.
const (
	quiet = 90 * time.Second
	most  = 5 * time.Minute
)

// Limit is how long to wait for what must happen, with the load of this moment.
func Limit() time.Duration { return Scaled(quiet) }

// Scaled is a limit that is enough on a quiet machine, made longer by the load of this moment.
func Scaled(limit time.Duration) time.Duration {
	scaled := time.Duration(float64(limit) * max(1, load(), asked()))
	return max(limit, min(scaled, most))
}

// load is how many processes want each processor, over the last minute; 0 where that cannot be seen.
func load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	var perMinute float64
	if _, err := fmt.Sscan(string(text), &perMinute); err != nil {
		return 0
	}
	return perMinute / float64(runtime.NumCPU())
}

// asked is what the environment wants; 0 if nothing.
func asked() float64 {
	factor, err := strconv.ParseFloat(os.Getenv("SALLYPORT_TEST_PATIENCE"), 64)
	if err != nil {
		return 0
	}
	return factor
}
