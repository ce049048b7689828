"""Files that survive crashes, full disks and strangers: what knows the disk and HDF5's bytes."""
