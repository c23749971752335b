package need

// TerraformFrom is [Terraform] with another site.
var TerraformFrom = terraformFrom

// LedgerEnv and Record are how a skipped test is counted.
const LedgerEnv = ledgerEnv

var Record = record
