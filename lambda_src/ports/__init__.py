"""What the functions need of AWS, one module a service: the ports of `fraud.ports` and the doors beside them."""
