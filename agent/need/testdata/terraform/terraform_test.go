// Package terraform has a test that needs terraform; see need's own tests.
package terraform

import (
	"os"
	"testing"

	"sallyport/agent/need"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m, need.Terraform)) }

func TestOne(*testing.T) {}
