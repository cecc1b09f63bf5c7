"""What AWS's services refuse beyond what their models say: entries over several lists, bytes, sizes of what is made of a request.

`table` is the data, `units` how each thing is measured, `limit` the loop, `guard` what holds requests and resources to it.
What a model does say (least, most, pattern) is held by `emulator.protocol.shapes`, for every service.
"""
