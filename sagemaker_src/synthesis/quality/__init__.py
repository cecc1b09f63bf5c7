"""What synthetic rows are worth: how close they are to the real ones, whether they help, whether they leak."""
