package asuser_test

import (
	"os"
	"testing"

	"sallyport/agent/asuser"
	"sallyport/agent/need"
)

func TestMain(m *testing.M) {
	if asuser.Asked(os.Environ()) {
		need.Exit(asuser.Main(os.Environ(), os.Args[1:]))
	}
	if deed := os.Getenv(deedVariable); deed != "" {
		need.Exit(deeds[deed]())
	}
	os.Exit(need.Main(m))
}
