socket = "/run/sallyport/sallyport.sock"

stack "ghe" {
  dir = "ghe"
}
