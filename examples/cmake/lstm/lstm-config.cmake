# find_package(lstm) gives the target lstm::lstm: where lstm.h is. There is nothing to link.
if(NOT TARGET lstm::lstm)
  get_filename_component(lstm_include "${CMAKE_CURRENT_LIST_DIR}/../../../include" ABSOLUTE)
  add_library(lstm::lstm INTERFACE IMPORTED)
  set_target_properties(lstm::lstm PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${lstm_include}")
  unset(lstm_include)
endif()
