package terraform

import (
	"os"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/terraform/tftest"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m, need.Terraform, tftest.Lean, need.AtOnce(4))) }
