"""Responses: the double integrals over neutrino and recoil energy that counts are quadratic forms of."""
