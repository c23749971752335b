repository "infra" {
  url = "file:///srv/git/infra.git"
}

defaults {
  apply_window = "at night"
}

stack "ghe" {
  dir = "ghe"
  apply_window = [
    { schedule = "@every 1h", duration = "10m" },
    { schedule = "0 9 * * 1-5", duration = "1s" },
    { schedule = "CRON_TZ=Europe/Nowhere 0 9 * * 1-5", duration = "8h" },
    { cron = "0 9 * * 1-5", duration = "8h" },
    "0 9 * * 1-5",
  ]
  freeze = [
    { from = "20.12.2026", to = "2027-01-06" },
    { from = "2026-12-20", to = "2026-12-19" },
    { from = "2026-12-20", to = "2027-01-06", zone = "Paris" },
    { from = "2026-12-20", reason = "Christmas" },
  ]
}
